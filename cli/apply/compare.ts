import type { DescMessage, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { fieldOf } from "./check.js";

/**
 * Whether what is there has all that is wanted; fields that nobody speaks of do not matter. Lists must be the same,
 * unless a part is enough.
 */
export function covers(there: JsonValue | undefined, wanted: JsonValue, isPart = false): boolean {
  if (Array.isArray(wanted)) return coversList(Array.isArray(there) ? there : [], wanted, isPart);
  if (!isObject(wanted)) return there === wanted || (there === undefined && isEmpty(wanted));
  const has = isObject(there) ? there : {};
  return Object.entries(wanted).every(([key, value]) => covers(has[key], value, isPart));
}

function coversList(there: readonly JsonValue[], wanted: readonly JsonValue[], isPart: boolean): boolean {
  if (!isPart && there.length !== wanted.length) return false;
  return wanted.every((item, at) => {
    const key = keyOf(item);
    const other = key === undefined ? there[at] : there.find((each) => keyOf(each) === key);
    return other !== undefined && covers(other, item, isPart);
  });
}

/** What things in lists are known by. */
function keyOf(item: JsonValue): string | undefined {
  if (!isObject(item)) return undefined;
  for (const key of ["name", "path", "process", "secret"]) if (typeof item[key] === "string") return item[key];
  return undefined;
}

/** What is there, as far as it is spoken of in what is wanted: the left side of a difference. */
export function project(there: JsonValue | undefined, wanted: JsonValue, isPart = false): JsonValue | undefined {
  if (Array.isArray(wanted)) return Array.isArray(there) ? projectList(there, wanted, isPart) : there;
  if (!isObject(wanted) || !isObject(there)) return there;
  const entries = Object.keys(wanted).map((key) => [key, project(there[key], wanted[key] ?? null, isPart)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as JsonObject;
}

/** In the order of what is wanted, so that only what changes shows as a difference. */
function projectList(there: readonly JsonValue[], wanted: readonly JsonValue[], isPart: boolean): JsonValue[] {
  const left = [...there];
  const matched = wanted.flatMap((item) => {
    const key = keyOf(item);
    // What has no name is known by its place.
    const index = left.findIndex((each) => key === undefined || keyOf(each) === key);
    if (index < 0) return [];
    const [other] = left.splice(index, 1);
    return [project(other, item, isPart) ?? null];
  });
  return isPart ? matched : [...matched, ...left];
}

/** A text in place of what must not be shown; the same text when it is the same. */
const hidden = "(hidden)";
const hiddenOther = "(hidden, changed)";

/** Wanted values with those that the contract marks as secret replaced; `there` tells which of them change. */
export function hideSecrets(message: DescMessage, wanted: JsonValue, there?: JsonValue): JsonValue {
  if (!isObject(wanted)) return wanted;
  const other = isObject(there) ? there : {};
  const entries = Object.entries(wanted).map(([key, value]) => {
    const field = fieldOf(message, key);
    if (field === undefined) return [key, value] as const;
    if (isSecret(message, field.name, wanted)) {
      const isSame = there === undefined || JSON.stringify(other[key]) === JSON.stringify(value);
      return [key, isSame ? hidden : hiddenOther] as const;
    }
    const inner = field.message;
    if (inner === undefined) return [key, value] as const;
    if (!Array.isArray(value)) return [key, hideSecrets(inner, value, other[key])] as const;
    const others = Array.isArray(other[key]) ? other[key] : [];
    const find = (item: JsonValue, at: number) =>
      keyOf(item) === undefined ? others[at] : others.find((each) => keyOf(each) === keyOf(item));
    const hide = (item: JsonValue, at: number): JsonValue =>
      hideSecrets(inner, item, there === undefined ? undefined : (find(item, at) ?? {}));
    return [key, value.map(hide)] as const;
  });
  return Object.fromEntries(entries) as JsonObject;
}

/** By the contract's mark; a variable's value is one only when the variable says so. */
function isSecret(message: DescMessage, name: string, wanted: JsonObject): boolean {
  const field = fieldOf(message, name);
  if (field?.proto.options?.debugRedact !== true) return false;
  return fieldOf(message, "sensitive") === undefined || wanted.sensitive === true;
}

/** Whether a value is a mapping. */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isEmpty(value: JsonValue): boolean {
  return value === "" || value === 0 || value === false || value === null || value === "0";
}
