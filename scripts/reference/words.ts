import type { DescField, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isObject, ruleKeywords } from "../openapi/rules.js";

const formats: Readonly<Record<string, string>> = {
  uuid: "a uuid",
  email: "an e-mail address",
  uri: "a URI",
  hostname: "a hostname",
  ipv4: "an IPv4 address",
  ipv6: "an IPv6 address",
};

type Word = (value: JsonValue) => string;

const phrases: Readonly<Record<string, Word>> = {
  minLength: (value) => `at least ${count(value, "character")}`,
  maxLength: (value) => `at most ${count(value, "character")}`,
  minItems: (value) => `at least ${count(value, "entry", "entries")}`,
  maxItems: (value) => `at most ${count(value, "entry", "entries")}`,
  minProperties: (value) => `at least ${count(value, "entry", "entries")}`,
  maxProperties: (value) => `at most ${count(value, "entry", "entries")}`,
  uniqueItems: () => "no entry twice",
  minimum: (value) => `at least ${value}`,
  maximum: (value) => `at most ${value}`,
  exclusiveMinimum: (value) => `more than ${value}`,
  exclusiveMaximum: (value) => `less than ${value}`,
  pattern: (value) => `matches ${code(String(value))}`,
  format: (value) => formats[String(value)] ?? String(value),
  const: (value) => `always ${code(String(value))}`,
  enum: (value) => `one of ${(Array.isArray(value) ? value : [value]).map((one) => code(String(one))).join(", ")}`,
  anyOf: (value) => (Array.isArray(value) ? value : []).map((one) => said(one)).join(", or "),
  not: (value) => `not ${said(value)}`,
  propertyNames: (value) => `each key ${said(value)}`,
};

/** The rules of a field in words; empty when it has none. */
export function rulesOf(field: DescField): string {
  const { keywords, items, notes } = ruleKeywords(field);
  const each = said(items);
  return [said(keywords), each === "" ? "" : `each ${each}`, ...notes.map(prose)]
    .filter((words) => words !== "")
    .join("; ");
}

function said(keywords: JsonValue): string {
  if (!isObject(keywords)) return "";
  return Object.entries(withRanges(keywords))
    .map(([name, value]) => phrases[name]?.(value) ?? `${name} ${JSON.stringify(value)}`)
    .filter((words) => words !== "")
    .join(", ");
}

/** What counts as empty is a rule that says nothing to a reader. */
function withRanges(keywords: JsonObject): JsonObject {
  const { maxLength, minLength } = keywords;
  if (typeof maxLength !== "number" || maxLength !== minLength) return keywords;
  const { minLength: _, maxLength: __, ...others } = keywords;
  return { ...others, pattern: `.{${maxLength}}` };
}

function count(value: JsonValue, one: string, many = `${one}s`): string {
  return `${value} ${value === 1 ? one : many}`;
}

/** A comment in a table or paragraph: code stays as it is, and nothing else means anything in HTML. */
export function prose(text: string): string {
  return text
    .split(/(`[^`]*`)/)
    .map((part) => (part.startsWith("`") ? part : part.replace(/</g, "&lt;").replace(/([*[\]])/g, "\\$1")))
    .join("");
}

/** As prose, in one cell of a table. */
export function cell(text: string): string {
  return text.replace(/\n\n/g, "<br>").replace(/\n/g, " ").replace(/\|/g, "\\|");
}

/** Code in Markdown, whatever is in it. */
export function code(text: string): string {
  return text.includes("`") ? `\`\` ${text} \`\`` : `\`${text}\``;
}
