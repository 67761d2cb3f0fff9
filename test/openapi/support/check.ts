import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isObject } from "../../../scripts/openapi/rules.js";

const formats: Readonly<Record<string, RegExp>> = {
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  "date-time": /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/,
  email: /^[^@\s]+@[^@\s]+$/,
  uri: /^[a-z][a-z0-9+.-]*:/i,
  hostname: /^[a-z0-9.-]+$/i,
  ipv4: /^\d+(\.\d+){3}$/,
  ipv6: /:/,
  int64: /^-?\d+$/,
  uint64: /^\d+$/,
};

type Check = (schema: JsonValue | undefined, value: JsonValue) => boolean;

type Keyword = (wanted: JsonValue, value: JsonValue, check: Check) => boolean;

const same = (a: JsonValue, b: JsonValue) => JSON.stringify(a) === JSON.stringify(b);
const list = (value: JsonValue): JsonValue[] => (Array.isArray(value) ? value : fail("no list", value));
const number = (value: JsonValue): number => (typeof value === "number" ? value : fail("no number", value));
const text = (value: JsonValue): string => (typeof value === "string" ? value : fail("no text", value));

const properties = (value: JsonValue) => (isObject(value) ? Object.keys(value).length : undefined);
const items = (value: JsonValue) => (Array.isArray(value) ? value.length : undefined);
const letters = (value: JsonValue) => (typeof value === "string" ? [...value].length : undefined);
const amount = (value: JsonValue) => (typeof value === "number" ? value : undefined);

/** A limit of what has such a measure; everything else passes. */
function limit(measure: (value: JsonValue) => number | undefined, holds: (a: number, b: number) => boolean): Keyword {
  return (wanted, value) => {
    const measured = measure(value);
    return measured === undefined || holds(measured, number(wanted));
  };
}
const atLeast = (a: number, b: number) => a >= b;
const atMost = (a: number, b: number) => a <= b;

const keywords: Readonly<Record<string, Keyword>> = {
  description: (wanted) => text(wanted) !== "",
  deprecated: (wanted) => wanted === true,
  contentEncoding: (wanted, value) => wanted === "base64" && /^[A-Za-z0-9+/=]*$/.test(text(value)),
  type: (wanted, value) => isOfType(text(wanted), value),
  enum: (wanted, value) => list(wanted).some((one) => same(one, value)),
  const: (wanted, value) => same(wanted, value),
  format: (wanted, value) =>
    typeof value !== "string" || (formats[text(wanted)] ?? fail("no format", wanted)).test(value),
  pattern: (wanted, value) => typeof value !== "string" || new RegExp(text(wanted), "u").test(value),
  minLength: limit(letters, atLeast),
  maxLength: limit(letters, atMost),
  minItems: limit(items, atLeast),
  maxItems: limit(items, atMost),
  minProperties: limit(properties, atLeast),
  maxProperties: limit(properties, atMost),
  minimum: limit(amount, atLeast),
  maximum: limit(amount, atMost),
  exclusiveMinimum: limit(amount, (a, b) => a > b),
  exclusiveMaximum: limit(amount, (a, b) => a < b),
  uniqueItems: (_, value) => new Set(list(value).map((one) => JSON.stringify(one))).size === list(value).length,
  items: (wanted, value, check) => !Array.isArray(value) || value.every((one) => check(wanted, one)),
  required: (wanted, value) => !isObject(value) || list(wanted).every((name) => text(name) in value),
  // Stricter than JSON Schema, as servers are: a property that is not told of is refused.
  properties: (wanted, value, check) =>
    isObject(value) &&
    isObject(wanted) &&
    Object.entries(value).every(([name, one]) => name in wanted && check(wanted[name], one)),
  additionalProperties: (wanted, value, check) =>
    isObject(value) && Object.values(value).every((one) => check(wanted, one)),
  propertyNames: (wanted, value, check) => isObject(value) && Object.keys(value).every((name) => check(wanted, name)),
  not: (wanted, value, check) => !check(wanted, value),
  anyOf: (wanted, value, check) => list(wanted).some((one) => check(one, value)),
  allOf: (wanted, value, check) => list(wanted).every((one) => check(one, value)),
  oneOf: (wanted, value, check) => list(wanted).filter((one) => check(one, value)).length === 1,
};

/** The keywords of JSON Schema that the checker knows. */
export const knownKeywords: ReadonlySet<string> = new Set([...Object.keys(keywords), "$ref"]);

/** A checker of JSON Schema 2020-12 for the keywords that the document uses; it throws at any other. */
export function createChecker(schemas: JsonObject): Check {
  const check: Check = (schema, value) => {
    if (!isObject(schema)) return fail("no schema", schema ?? null);
    return Object.entries(schema).every(([key, wanted]) => {
      if (key !== "$ref") return (keywords[key] ?? fail("an unknown keyword", key))(wanted, value, check);
      const name = text(wanted).replace("#/components/schemas/", "");
      return check(schemas[name] ?? fail("no such schema", name), value);
    });
  };
  return check;
}

function isOfType(type: string, value: JsonValue): boolean {
  if (type === "array") return Array.isArray(value);
  if (type === "object") return isObject(value);
  if (type === "integer") return Number.isInteger(value);
  return typeof value === type;
}

function fail(what: string, value: JsonValue): never {
  throw new Error(`${what}: ${JSON.stringify(value)}`);
}
