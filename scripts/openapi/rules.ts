import { type DescField, getOption, type JsonObject, type JsonValue, ScalarType, toJson } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { FieldRulesSchema, field as fieldRules } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";

/** What the rules of a field come to: keywords of JSON Schema, and words for what these cannot say. */
export interface RuleKeywords {
  readonly keywords: JsonObject;
  /** Keywords of the entries of a list or the values of a map. */
  readonly items: JsonObject;
  /** As in "at most 1024 bytes". */
  readonly notes: readonly string[];
}

type Rule = (value: JsonValue) => JsonObject;

const anyRules: Readonly<Record<string, Rule>> = {
  const: (value) => ({ const: value }),
  in: (value) => ({ enum: value }),
};
const numberRules: Readonly<Record<string, Rule>> = {
  ...anyRules,
  gte: (value) => ({ minimum: value }),
  gt: (value) => ({ exclusiveMinimum: value }),
  lte: (value) => ({ maximum: value }),
  lt: (value) => ({ exclusiveMaximum: value }),
};

/** The keywords of each rule, by the type that the rule is of, as buf.validate names both in JSON. */
const rulesOf: Readonly<Record<string, Readonly<Record<string, Rule>>>> = {
  string: {
    ...anyRules,
    minLen: (value) => ({ minLength: Number(value) }),
    maxLen: (value) => ({ maxLength: Number(value) }),
    len: (value) => ({ minLength: Number(value), maxLength: Number(value) }),
    pattern: (value) => ({ pattern: value }),
    uuid: () => ({ format: "uuid" }),
    email: () => ({ format: "email" }),
    uri: () => ({ format: "uri" }),
    hostname: () => ({ format: "hostname" }),
    ip: () => ({ anyOf: [{ format: "ipv4" }, { format: "ipv6" }] }),
  },
  // Base64 takes four characters for each three bytes that are begun.
  bytes: { maxLen: (value) => ({ maxLength: Math.ceil(Number(value) / 3) * 4 }) },
  bool: anyRules,
  int32: numberRules,
  uint32: numberRules,
  repeated: {
    minItems: (value) => ({ minItems: Number(value) }),
    maxItems: (value) => ({ maxItems: Number(value) }),
    unique: () => ({ uniqueItems: true }),
  },
  map: {
    minPairs: (value) => ({ minProperties: Number(value) }),
    maxPairs: (value) => ({ maxProperties: Number(value) }),
    keys: (value) => ({ propertyNames: keywordsOf(value, undefined).keywords }),
  },
};

/** The rules of a field that has none. */
export const noRules: RuleKeywords = { keywords: {}, items: {}, notes: [] };

/** Translates the rules that a request's field has to keep. */
export function ruleKeywords(field: DescField): RuleKeywords {
  const rules = toJson(FieldRulesSchema, getOption(field, fieldRules));
  if (!isObject(rules) || rules.ignore === "IGNORE_ALWAYS") return noRules;
  const told = keywordsOf(rules, field);
  const isText = field.fieldKind === "scalar" && field.scalar === ScalarType.STRING;
  const mustSay = rules.required === true && isText && field.presence === FeatureSet_FieldPresence.IMPLICIT;
  const keywords = mustSay ? { minLength: 1, ...told.keywords } : told.keywords;
  if (rules.ignore !== "IGNORE_IF_ZERO_VALUE" || Object.keys(keywords).length === 0) return { ...told, keywords };
  return { ...told, keywords: { anyOf: [zeroOf(field), keywords] } };
}

function keywordsOf(rules: JsonValue, field: DescField | undefined): RuleKeywords {
  if (!isObject(rules)) return noRules;
  let keywords: JsonObject = {};
  let items: JsonObject = {};
  const notes = celMessages(rules.cel);
  for (const [type, ofType] of Object.entries(rules)) {
    if (!isObject(ofType)) continue;
    for (const [name, value] of Object.entries(ofType)) {
      if (type === "enum") keywords = { ...keywords, ...enumKeywords(name, value, field) };
      else if (name === "items" || name === "values") {
        const inner = keywordsOf(value, field);
        items = inner.keywords;
        notes.push(...inner.notes);
      } else {
        const rule = rulesOf[type]?.[name];
        if (rule === undefined) notes.push(`${words[name] ?? name} ${textOf(value)}`.trim());
        else keywords = { ...keywords, ...rule(value) };
      }
    }
  }
  return { keywords, items, notes };
}

/** Names of rules that keywords cannot say, in words. */
const words: Readonly<Record<string, string>> = {
  gte: "at least",
  gt: "more than",
  lte: "at most",
  lt: "less than",
  maxBytes: "bytes of UTF-8 at most:",
  minBytes: "bytes of UTF-8 at least:",
  const: "always",
};

function textOf(value: JsonValue): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : JSON.stringify(value);
}

function celMessages(cel: JsonValue | undefined): string[] {
  if (!Array.isArray(cel)) return [];
  return cel.flatMap((rule) => (isObject(rule) && typeof rule.message === "string" ? [rule.message] : []));
}

/** Rules of enums speak of numbers, the JSON of names. */
function enumKeywords(name: string, value: JsonValue, field: DescField | undefined): JsonObject {
  const desc = field?.fieldKind === "enum" || field?.fieldKind === "list" ? field.enum : undefined;
  const numbers = Array.isArray(value) ? value : [value];
  const names = (desc?.values ?? []).filter(({ number }) => numbers.includes(number)).map((known) => known.name);
  if (names.length === 0) return {};
  if (name === "notIn") return { not: { enum: names } };
  return name === "in" || name === "const" ? { enum: names } : {};
}

/** What a field holds when it is not set. */
function zeroOf(field: DescField): JsonObject {
  if (field.fieldKind === "list") return { maxItems: 0 };
  if (field.fieldKind === "map") return { maxProperties: 0 };
  if (field.fieldKind === "enum") return { const: field.enum.values[0]?.name ?? "" };
  if (field.fieldKind === "message") return {};
  if (field.scalar === ScalarType.BOOL) return { const: false };
  return { const: field.scalar === ScalarType.INT32 || field.scalar === ScalarType.UINT32 ? 0 : "" };
}

/** Whether a value of JSON is an object. */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
