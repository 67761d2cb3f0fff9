import type { DescField, DescMessage, JsonValue, Message } from "@bufbuild/protobuf";
import { toJson } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect, type ScalarValue } from "@bufbuild/protobuf/reflect";
import { holdsIssuedNumber } from "../account-numbers.js";

/** How much of a message is shown. */
export interface RedactLimits {
  /** Characters of all texts, names and numbers together; the rest is left out. */
  readonly maxChars: number;
  /** Characters of one string. */
  readonly maxStringChars: number;
  /** Entries of one list or map. */
  readonly maxEntries: number;
}

const defaultLimits: RedactLimits = { maxChars: 16_384, maxStringChars: 1_024, maxEntries: 100 };

/** Characters of a card's or an account's number at most, with what is between its digits. */
const longestNumber = 64;

/** The key under which a message says that parts of it were left out. */
export const truncatedKey = "…";

/**
 * A message as JSON for records: without the fields that are marked
 * `debug_redact`, at any depth, without numbers of cards and bank accounts, and bounded in size. Bytes show their
 * length only.
 */
export function redactedJson(desc: DescMessage, message: Message, limits: Partial<RedactLimits> = {}): JsonValue {
  const bounds = { ...defaultLimits, ...limits };
  return messageJson(reflect(desc, message), { ...bounds, left: bounds.maxChars });
}

interface Budget extends RedactLimits {
  left: number;
}

function messageJson(message: ReflectMessage, budget: Budget): JsonValue {
  if (message.desc.typeName.startsWith("google.protobuf.")) return wellKnownJson(message, budget);
  const json: Record<string, JsonValue> = {};
  for (const field of message.fields) {
    if (!message.isSet(field) || isSecret(field)) continue;
    if (!spend(budget, field.name.length)) {
      json[truncatedKey] = "truncated";
      break;
    }
    json[field.name] = fieldJson(message, field, budget);
  }
  return json;
}

function fieldJson(message: ReflectMessage, field: DescField, budget: Budget): JsonValue {
  switch (field.fieldKind) {
    case "message":
      return messageJson(message.get(field), budget);
    case "list":
      return listJson([...message.get(field)], field, budget);
    case "map":
      return mapJson([...message.get(field)], field, budget);
    case "enum":
      return enumJson(field, message.get(field));
    case "scalar":
      return scalarJson(message.get(field), budget);
  }
}

function listJson(items: readonly unknown[], field: DescField & { fieldKind: "list" }, budget: Budget): JsonValue {
  const json: JsonValue[] = [];
  for (const item of items) {
    if (json.length >= budget.maxEntries || !spend(budget, 1)) {
      json.push(`${truncatedKey} ${items.length - json.length} more`);
      break;
    }
    json.push(elementJson(item, field, budget));
  }
  return json;
}

function mapJson(
  entries: readonly (readonly [unknown, unknown])[],
  field: DescField & { fieldKind: "map" },
  budget: Budget,
): JsonValue {
  const json: Record<string, JsonValue> = Object.create(null);
  for (const [at, [key, value]] of entries.entries()) {
    const name = shorten(String(key), budget.maxStringChars);
    if (at >= budget.maxEntries || !spend(budget, name.length)) {
      json[truncatedKey] = `${entries.length - at} more`;
      break;
    }
    json[name] = elementJson(value, field, budget);
  }
  return json;
}

function elementJson(value: unknown, field: DescField & { fieldKind: "list" | "map" }, budget: Budget): JsonValue {
  const kind = field.fieldKind === "list" ? field.listKind : field.mapKind;
  if (kind === "message") return messageJson(value as ReflectMessage, budget);
  if (kind === "enum") return enumJson(field, value as number);
  return scalarJson(value as ScalarValue, budget);
}

function enumJson(field: DescField, value: number): JsonValue {
  return field.enum?.value[value]?.name ?? value;
}

function scalarJson(value: ScalarValue, budget: Budget): JsonValue {
  if (value instanceof Uint8Array) return `<${value.length} bytes>`;
  if (typeof value === "boolean") return value;
  const text = shorten(String(value), Math.min(budget.maxStringChars, Math.max(0, budget.left)));
  // Also one that is cut off.
  if (typeof value === "string" && holdsIssuedNumber(value.slice(0, text.length + longestNumber))) {
    return "<number of a card or an account>";
  }
  spend(budget, text.length);
  // JSON has no NaN or infinity, and loses digits of 64-bit numbers.
  return typeof value === "number" && Number.isFinite(value) ? value : text;
}

// Timestamps and durations have a short form of their own; an Any hides its marks, so only its type is shown.
function wellKnownJson(message: ReflectMessage, budget: Budget): JsonValue {
  if (message.desc.typeName === "google.protobuf.Any") return "<google.protobuf.Any>";
  try {
    const json = toJson(message.desc, message.message);
    const text = typeof json === "string" ? json : JSON.stringify(json);
    if (!spend(budget, text.length)) return truncatedKey;
    return json;
  } catch {
    // Out of range: validation says so to the caller, the record only notes it.
    return `<invalid ${message.desc.typeName}>`;
  }
}

function isSecret(field: DescField): boolean {
  return field.proto.options?.debugRedact === true;
}

function shorten(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max)}${truncatedKey} (${text.length} characters)`;
}

function spend(budget: Budget, chars: number): boolean {
  budget.left -= chars;
  return budget.left >= 0;
}
