import type { DescMessage, Message } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import type { FieldViolation } from "../errors.js";

/**
 * The fields of a request, at most `most`, whose text holds U+0000, at any
 * depth: it is valid in protobuf and JSON, but PostgreSQL can neither store nor
 * compare it.
 */
export function unstorable(desc: DescMessage, request: Message, most: number): FieldViolation[] {
  // Nearly every request passes this cheap look, which needs no descriptors.
  if (!holdsNul(request)) return [];
  const violations: FieldViolation[] = [];
  for (const [field, text] of texts(reflect(desc, request), "")) {
    if (!text.includes("\u0000")) continue;
    violations.push({ field, message: "must not contain U+0000" });
    if (violations.length === most) break;
  }
  return violations;
}

function holdsNul(value: unknown): boolean {
  if (typeof value === "string") return value.includes("\u0000");
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return false;
  for (const key in value) if (key.includes("\u0000") || holdsNul((value as Record<string, unknown>)[key])) return true;
  return false;
}

/** All texts of a message with the paths of their fields; a map's entries go by the map's path. */
function* texts(message: ReflectMessage, prefix: string): Generator<readonly [field: string, text: string]> {
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    const path = `${prefix}${field.name}`;
    if (field.fieldKind === "message") yield* texts(message.get(field), `${path}.`);
    else if (field.fieldKind === "list") {
      for (const [at, item] of [...message.get(field)].entries()) yield* textsOf(item, `${path}[${at}]`);
    } else if (field.fieldKind === "map") {
      for (const entry of message.get(field)) for (const item of entry) yield* textsOf(item, path);
    } else yield* textsOf(message.get(field), path);
  }
}

function* textsOf(item: unknown, path: string): Generator<readonly [string, string]> {
  if (typeof item === "string") yield [path, item];
  else if (isMessage(item)) yield* texts(item, `${path}.`);
}

const isMessage = (item: unknown): item is ReflectMessage =>
  typeof item === "object" && item !== null && "fields" in item && "isSet" in item;
