import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { stringify } from "yaml";
import { printable } from "../table.js";
import { hideSecrets, isObject, project } from "./compare.js";
import type { PlannedThing } from "./plan.js";

/** How a difference is coloured. */
export interface Colors {
  readonly add: (text: string) => string;
  readonly remove: (text: string) => string;
}

/** Colours of terminals, or none. */
export function colorsFor(isColored: boolean): Colors {
  const paint = (code: number) => (text: string) => (isColored ? `\u001b[${code}m${text}\u001b[0m` : text);
  return { add: paint(32), remove: paint(31) };
}

/** What will be done about a thing, as lines; secrets are hidden. Empty when nothing is. */
export async function differenceOf(thing: PlannedThing, colors: Colors): Promise<string[]> {
  const { wanted, item, changes } = thing;
  const title = `${wanted.kind.kind} ${wanted.name}`;
  if (item !== undefined && changes.length === 0) return [];
  const shown = Object.fromEntries(changes.map((field) => [field, thing.fields[field] ?? null]));
  const there = item === undefined ? undefined : thereOf(thing, item);
  const after = textOf(hideSecrets(wanted.message, shown, there));
  const before = there === undefined ? "" : textOf(hideSecrets(wanted.message, there));
  const { diffLines } = await import("diff");
  const lines = diffLines(before, after).flatMap(({ value, added, removed }) => {
    const [sign, paint] = added ? ["+", colors.add] : removed ? ["-", colors.remove] : [" ", (text: string) => text];
    return value
      .replace(/\n$/, "")
      .split("\n")
      .map((line) => paint(`${sign} ${line}`));
  });
  return [`${item === undefined ? "create" : "change"} ${title}`, ...lines.map((line) => `  ${line}`)];
}

function thereOf({ wanted, fields, changes }: PlannedThing, item: JsonObject): JsonObject {
  const entries = changes.map((field) => {
    const isPart = wanted.kind.partial?.includes(field) === true;
    return [field, project(item[field], fields[field] ?? null, isPart)] as const;
  });
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as JsonObject;
}

function textOf(value: JsonValue): string {
  if (isObject(value) && Object.keys(value).length === 0) return "";
  const text = stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
  return text
    .split("\n")
    .map((line) => line.replace(/^( *)(.*)$/, (_, indent: string, rest: string) => indent + printable(rest)))
    .join("\n");
}
