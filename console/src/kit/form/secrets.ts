import type { DescMessage } from "@bufbuild/protobuf";
import { type Draft, type DraftObject, isObject, nested } from "./draft.js";

/** A form without its secret fields, at any depth: what may be kept. */
export function withoutSecrets(desc: DescMessage, draft: DraftObject): DraftObject {
  const kept: Record<string, Draft> = {};
  for (const field of desc.fields) {
    const value = draft[field.name];
    if (value === undefined || field.proto.options?.debugRedact === true) continue;
    const inner = nested(field);
    kept[field.name] = inner === undefined ? value : strip(inner, value, field.fieldKind === "map");
  }
  return kept;
}

function strip(inner: DescMessage, value: Draft, isMap: boolean): Draft {
  if (Array.isArray(value)) {
    return (value as readonly DraftObject[]).map((each) =>
      isMap ? { ...each, value: strip(inner, each.value ?? {}, false) } : withoutSecrets(inner, each),
    );
  }
  return isObject(value) ? withoutSecrets(inner, value) : value;
}
