import { isDeepStrictEqual } from "node:util";
import { isFields } from "./fields.js";
import { type FieldPath, type ListRule, listRule } from "./merge-keys.js";
import type { ServedType } from "./served-type.js";
import type { Fields } from "./types.js";

/**
 * A set of fields as managedFields writes it (FieldsV1): a tree whose keys are
 * "f:<field>", 'k:{"name":"web"}' for an entry of a keyed list, "v:<value>"
 * for a value of a set, and "." for the entry itself. A leaf is {}.
 */
export type FieldSet = { [step: string]: FieldSet };

type MapRule = Extract<ListRule, { kind: "map" }>;

/** All fields of a value. */
export function fieldsOf(type: ServedType, value: unknown, path: FieldPath = []): FieldSet {
  return changedFields(type, undefined, value, path);
}

/** The fields of `after` that `before` does not have in the same form. */
export function changedFields(type: ServedType, before: unknown, after: unknown, path: FieldPath = []): FieldSet {
  const set: FieldSet = {};
  if (isFields(after)) {
    const known = isFields(before) ? before : {};
    for (const [name, value] of Object.entries(after)) {
      if (value === undefined || isDeepStrictEqual(known[name], value)) continue;
      const below = changedFields(type, known[name], value, [...path, name]);
      // Where only parts were removed, the rest is not changed by that.
      if (isEmpty(below) && isGranular(type, known[name], value, [...path, name])) continue;
      set[`f:${name}`] = below;
    }
  } else if (Array.isArray(after)) {
    const rule = listRule(type, path);
    if (rule.kind !== "atomic") addEntries(type, set, rule, Array.isArray(before) ? before : [], after, path);
  }
  return set;
}

function addEntries(
  type: ServedType,
  set: FieldSet,
  rule: Exclude<ListRule, { kind: "atomic" }>,
  before: readonly unknown[],
  after: readonly unknown[],
  path: FieldPath,
): void {
  for (const entry of after) {
    const step = entryStep(rule, entry);
    const known = before.find((candidate) => entryStep(rule, candidate) === step);
    if (isDeepStrictEqual(known, entry)) continue;
    if (rule.kind === "set") set[step] = {};
    else if (known === undefined) set[step] = { ".": {}, ...changedFields(type, known, entry, path) };
    else {
      const below = changedFields(type, known, entry, path);
      if (!isEmpty(below)) set[step] = below;
    }
  }
}

function isGranular(type: ServedType, before: unknown, after: unknown, path: FieldPath): boolean {
  if (isFields(before) && isFields(after)) return true;
  return Array.isArray(before) && Array.isArray(after) && listRule(type, path).kind !== "atomic";
}

/** The step that leads to an entry of a list. */
export function entryStep(rule: Exclude<ListRule, { kind: "atomic" }>, entry: unknown): string {
  if (rule.kind === "set") return `v:${JSON.stringify(entry)}`;
  return `k:${JSON.stringify(keyOfEntry(rule, entry))}`;
}

function keyOfEntry(rule: MapRule, entry: unknown): Fields {
  const values = isFields(entry) ? entry : {};
  const keys = [...rule.keys].sort();
  return Object.fromEntries(keys.map((key) => [key, values[key] ?? rule.defaults?.[key] ?? null]));
}

/** What is in either set. */
export function union(a: FieldSet, b: FieldSet): FieldSet {
  const result: FieldSet = { ...a };
  for (const [step, below] of Object.entries(b)) result[step] = union(result[step] ?? {}, below);
  return result;
}

/** What is in `a` but not in `b`. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  const result: FieldSet = {};
  for (const [step, below] of Object.entries(a)) {
    const other = b[step];
    if (other === undefined) result[step] = below;
    else if (!isEmpty(below)) {
      const rest = difference(below, other);
      if (!isEmpty(rest)) result[step] = rest;
    }
  }
  return result;
}

/** The part of a set that an object still has. */
export function present(type: ServedType, set: FieldSet, value: unknown, path: FieldPath = []): FieldSet {
  const result: FieldSet = {};
  for (const [step, below] of Object.entries(set)) {
    if (step === ".") result[step] = below;
    const found = step === "." ? undefined : child(type, value, step, path);
    if (found === undefined) continue;
    const rest = present(type, below, found.value, found.path);
    if (isEmpty(below) || !isEmpty(rest)) result[step] = rest;
  }
  return result;
}

/** The value below a step, if there is one. */
export function child(
  type: ServedType,
  value: unknown,
  step: string,
  path: FieldPath,
): { value: unknown; path: FieldPath } | undefined {
  if (step.startsWith("f:")) {
    const name = step.slice(2);
    if (!isFields(value) || !Object.hasOwn(value, name)) return undefined;
    return { value: value[name], path: [...path, name] };
  }
  const rule = listRule(type, path);
  if (!Array.isArray(value) || rule.kind === "atomic") return undefined;
  const entry = value.find((candidate) => entryStep(rule, candidate) === step);
  return entry === undefined ? undefined : { value: entry, path };
}

/** Whether nothing is below. */
export function isEmpty(set: FieldSet): boolean {
  return Object.keys(set).length === 0;
}
