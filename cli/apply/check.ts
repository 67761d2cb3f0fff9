import {
  type DescField,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  toJson,
} from "@bufbuild/protobuf";
import { isAlias, isMap, isScalar, isSeq, type Node } from "yaml";
import { nearest } from "../nearest.js";
import type { Locate } from "./documents.js";

/** What checking needs and collects. */
export interface Checking {
  readonly locate: Locate;
  readonly faults: string[];
}

/**
 * Reads a mapping as a message in Protobuf's JSON: fields in camelCase or snake_case. Answers the canonical JSON of
 * what is given and nothing else, so that it can be compared; faults name line and column.
 */
export function checkMessage(node: Node | null, message: DescMessage, path: string, checking: Checking): JsonObject {
  if (!isMap(node)) {
    checking.faults.push(`${checking.locate(node)}: ${path} must be a mapping`);
    return {};
  }
  const json: JsonObject = {};
  for (const { key, value } of node.items) {
    const name = isScalar(key) ? String(key.value) : "";
    const field = fieldOf(message, name);
    const at = path === "" ? name : `${path}.${name}`;
    if (field === undefined) checking.faults.push(unknownField(message, name, at, checking.locate(key as Node)));
    else json[field.jsonName] = checkField((value ?? null) as Node | null, field, at, checking);
  }
  return json;
}

/** The field of a message by either of its names. */
export function fieldOf(message: DescMessage, name: string): DescField | undefined {
  return message.fields.find((field) => field.jsonName === name || field.name === name);
}

/** Says that there is no such field, and which was meant. */
export function unknownField(
  message: DescMessage,
  name: string,
  path: string,
  at: string,
  more: string[] = [],
): string {
  const near = nearest(name, [...message.fields.map((field) => field.jsonName), ...more]);
  return `${at}: there is no field ${path}${near === undefined ? "" : `; did you mean ${near}?`}`;
}

/** Reads the value of a field. */
export function checkField(node: Node | null, field: DescField, path: string, checking: Checking): JsonValue {
  const inner = field.message !== undefined && !field.message.typeName.startsWith("google.protobuf.");
  if (field.fieldKind === "message" && inner) return checkMessage(node, field.message, path, checking);
  if (field.fieldKind === "list" && inner && field.message !== undefined) {
    const { message } = field;
    if (!isSeq(node)) return fault(node, `${path} must be a list`, checking);
    return node.items.map((item, at) => checkMessage(item as Node, message, `${path}[${at}]`, checking));
  }
  if (field.fieldKind === "map" && inner && field.message !== undefined) {
    const { message } = field;
    if (!isMap(node)) return fault(node, `${path} must be a mapping`, checking);
    const entries = node.items.map(({ key, value }) => {
      const name = isScalar(key) ? String(key.value) : "";
      return [name, checkMessage((value ?? null) as Node | null, message, `${path}.${name}`, checking)] as const;
    });
    return Object.fromEntries(entries);
  }
  return checkLeaf(node, field, path, checking);
}

/** What Protobuf's JSON reads at once: scalars, enums, times, and lists and maps of them. */
function checkLeaf(node: Node | null, field: DescField, path: string, checking: Checking): JsonValue {
  const given = plain(node);
  const unfit = misfit(given, field);
  if (unfit !== undefined) return fault(node, `${path} ${unfit}`, checking);
  try {
    const message = fromJson(field.parent, { [field.jsonName]: given });
    const json = toJson(field.parent, message, { alwaysEmitImplicit: true }) as JsonObject;
    return json[field.jsonName] ?? null;
  } catch (error) {
    return fault(node, `${path} ${reasonOf(error, field)}`, checking);
  }
}

function plain(node: Node | null): JsonValue {
  if (node === null || isAlias(node)) return null;
  return node.toJSON() as JsonValue;
}

/** YAML takes 1.33 for a number and yes for text: the usual slips get words of their own. */
function misfit(given: JsonValue, field: DescField): string | undefined {
  if (given === null) return "has no value";
  if (field.fieldKind === "list" && !Array.isArray(given)) return "must be a list";
  if (field.fieldKind === "map" && (typeof given !== "object" || Array.isArray(given))) return "must be a mapping";
  const isText = field.fieldKind === "scalar" && field.scalar === 9;
  if (isText && typeof given !== "string") return "must be text: put it in quotes";
  if (field.fieldKind === "enum") {
    const names = field.enum.values.map(({ name }) => name);
    if (typeof given !== "string" || !names.includes(given)) {
      const near = typeof given === "string" ? nearest(given, names) : undefined;
      return `must be one of ${names.filter((name) => !name.endsWith("_UNSPECIFIED")).join(", ")}${near === undefined ? "" : `; did you mean ${near}?`}`;
    }
  }
  return undefined;
}

function reasonOf(error: unknown, field: DescField): string {
  const { typeName } = field.message ?? {};
  if (typeName === "google.protobuf.Timestamp") return "must be a time, as in 2026-01-31T22:00:00Z";
  if (typeName === "google.protobuf.Duration") return 'must be a duration, as in "3600s"';
  const text = error instanceof Error ? error.message : String(error);
  const reason = text.replace(/^cannot decode (?:field|message) \S+ from JSON:?\s*/, "");
  if (field.fieldKind === "map") return `must be a mapping of text to text: ${reason}`;
  return `is not valid: ${reason}`;
}

function fault(node: Node | null, text: string, { locate, faults }: Checking): JsonValue {
  faults.push(`${locate(node)}: ${text}`);
  return null;
}
