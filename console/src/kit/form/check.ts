import { create, type DescMessage, fromJson, type JsonValue, type MessageShape } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import type { Validator } from "@bufbuild/protovalidate";
import { type DraftObject, type FieldProblem, toMessageJson } from "./draft.js";

let loading: Promise<Validator> | undefined;

/** The rules' interpreter. It is big, so that it comes only when there is a form. */
export function loadValidator(): Promise<Validator> {
  loading ??= import("@bufbuild/protovalidate").then(
    ({ createValidator }) => createValidator(),
    (error: unknown) => {
      loading = undefined;
      throw error;
    },
  );
  return loading;
}

/** A form as a message, and what is wrong with it. */
export interface Checked<Desc extends DescMessage> {
  readonly message: MessageShape<Desc>;
  readonly problems: readonly FieldProblem[];
}

/** Builds the message of a form and checks it by the rules of its proto; without a validator only its types. */
export function check<Desc extends DescMessage>(
  desc: Desc,
  draft: DraftObject,
  validator: Validator | undefined,
): Checked<Desc> {
  const problems: FieldProblem[] = [];
  let message = create(desc);
  try {
    message = fromJson(desc, toMessageJson(desc, draft, problems) as JsonValue);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { message, problems: [...problems, { field: "", message: text }] };
  }
  const result = validator?.validate(desc, message);
  if (result?.kind === "invalid") {
    const typed = new Set(problems.map(({ field }) => field));
    for (const { field, message: text } of result.violations) {
      const path = pathToString(field);
      if (!typed.has(path)) problems.push({ field: entryPath(draft, path), message: text });
    }
  }
  return { message, problems };
}

/** The path of a map's entry by its place in the form: `labels["a"]` → `labels[0]`. */
export function entryPath(draft: DraftObject, path: string): string {
  const found = /^([\w.]+)\["(.*?)"\](.*)$/.exec(path);
  if (found === null) return path;
  const [, map = "", key, rest = ""] = found;
  let at: unknown = draft;
  for (const step of map.split(".")) at = (at as Record<string, unknown> | undefined)?.[step];
  const index = Array.isArray(at) ? at.findIndex((entry: { key?: unknown }) => entry.key === key) : -1;
  return index === -1 ? map : `${map}[${index}]${rest}`;
}
