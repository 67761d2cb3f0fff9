import { isDeepStrictEqual } from "node:util";
import { child, difference, entryStep, type FieldSet, fieldsOf, isEmpty, union } from "./field-sets.js";
import { isFields } from "./fields.js";
import { entriesAfterApply, isOwn, ownable, setOf, type Writer } from "./managed-fields.js";
import { type FieldPath, listRule } from "./merge-keys.js";
import type { ServedType } from "./served-type.js";
import { StatusError } from "./status-error.js";
import type { Fields, KubeObject, ManagedFieldsEntry, NewObject } from "./types.js";

interface Conflict {
  readonly manager: string;
  readonly field: string;
  readonly set: FieldSet;
}

/**
 * Server-side apply: the given fields are set, those that the same manager gave
 * before and no longer gives are removed unless somebody else has them too. A
 * field that another manager has with another value is a 409, or with `force` is
 * taken over.
 */
export function applied<T extends NewObject>(
  type: ServedType,
  current: T,
  config: Fields,
  writer: Writer,
  force: boolean,
): T {
  const wanted = withoutNulls(ownable(config)) as Fields;
  const set = fieldsOf(type, wanted);
  const entries = current.metadata.managedFields ?? [];
  const conflicts = entries
    .filter((entry) => !isOwn(entry, writer))
    .flatMap((entry) => conflictsWith(type, entry, set, wanted, ownable(current)));
  if (conflicts.length > 0 && !force) throw conflictStatus(conflicts);

  const merged = mergeApplied(type, current, wanted, []) as T;
  const taken = conflicts.map((conflict) => conflict.set).reduce(union, {});
  const before = setOf(entries.find((entry) => isOwn(entry, writer)));
  const kept = entries
    .filter((entry) => !isOwn(entry, writer))
    .map(setOf)
    .reduce(union, set);
  const result = removeFields(type, merged, difference(before, kept), []) as T;
  const managedFields = entriesAfterApply(type, entries, writer, set, taken);
  return { ...result, metadata: { ...result.metadata, managedFields } };
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isFields(value)) return value;
  const kept = Object.entries(value).filter(([, entry]) => entry !== null && entry !== undefined);
  return Object.fromEntries(kept.map(([key, entry]) => [key, withoutNulls(entry)]));
}

function conflictsWith(
  type: ServedType,
  entry: ManagedFieldsEntry,
  set: FieldSet,
  wanted: unknown,
  current: unknown,
): Conflict[] {
  const found: Conflict[] = [];
  const visit = (ours: FieldSet, theirs: FieldSet, a: unknown, b: unknown, path: FieldPath, steps: string[]) => {
    for (const [step, below] of Object.entries(ours)) {
      const other = theirs[step];
      if (step === "." || step.startsWith("v:") || other === undefined) continue;
      const left = child(type, a, step, path);
      const right = child(type, b, step, path);
      if (!left || !right) continue;
      const here = [...steps, step];
      // An empty map says nothing about the fields that somebody else has in it.
      if (isEmpty(below) !== isEmpty(other) && isFields(left.value) && isFields(right.value)) continue;
      if (!isEmpty(below) && !isEmpty(other)) visit(below, other, left.value, right.value, left.path, here);
      else if (!isDeepStrictEqual(left.value, right.value)) {
        found.push({ manager: entry.manager, field: fieldName(here), set: nested(here) });
      }
    }
  };
  visit(set, setOf(entry), wanted, current, [], []);
  return found;
}

function fieldName(steps: readonly string[]): string {
  return steps
    .map((step) => {
      if (step.startsWith("f:")) return `.${step.slice(2)}`;
      const pairs = Object.entries(JSON.parse(step.slice(2)) as Fields);
      return `[${pairs.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(",")}]`;
    })
    .join("");
}

function nested(steps: readonly string[]): FieldSet {
  return steps.reduceRight<FieldSet>((below, step) => ({ [step]: below }), {});
}

function conflictStatus(conflicts: readonly Conflict[]): StatusError {
  const lines = conflicts.map(({ manager, field }) => `conflict with "${manager}": ${field}`);
  const count = conflicts.length;
  const title = `Apply failed with ${count} conflict${count === 1 ? "" : "s"}`;
  return new StatusError(409, "Conflict", `${title}: ${lines.join(", ")}`, {
    causes: conflicts.map(({ manager, field }) => ({
      reason: "FieldManagerConflict",
      message: `conflict with "${manager}"`,
      field,
    })),
  });
}

function mergeApplied(type: ServedType, current: unknown, wanted: unknown, path: FieldPath): unknown {
  if (isFields(wanted)) {
    const result: Fields = isFields(current) ? { ...current } : {};
    for (const [name, value] of Object.entries(wanted)) {
      result[name] = mergeApplied(type, result[name], value, [...path, name]);
    }
    return result;
  }
  const rule = listRule(type, path);
  if (!Array.isArray(wanted) || !Array.isArray(current) || rule.kind === "atomic") return wanted;
  const result = [...current];
  for (const entry of wanted) {
    const step = entryStep(rule, entry);
    const at = result.findIndex((candidate) => entryStep(rule, candidate) === step);
    if (at < 0) result.push(entry);
    else if (rule.kind === "map") result[at] = mergeApplied(type, result[at], entry, path);
  }
  return result;
}

function removeFields(type: ServedType, value: unknown, set: FieldSet, path: FieldPath): unknown {
  if (Array.isArray(value)) return removeEntries(type, value, set, path);
  if (!isFields(value)) return value;
  const result: Fields = { ...value };
  for (const [step, below] of Object.entries(set)) {
    const name = step.slice(2);
    if (!step.startsWith("f:") || !Object.hasOwn(result, name)) continue;
    const rest = isEmpty(below) ? undefined : removeFields(type, result[name], below, [...path, name]);
    if (rest === undefined || (path.length > 0 && isBare(rest))) delete result[name];
    else result[name] = rest;
  }
  return result;
}

function removeEntries(type: ServedType, list: readonly unknown[], set: FieldSet, path: FieldPath): unknown[] {
  const rule = listRule(type, path);
  if (rule.kind === "atomic") return [...list];
  return list.flatMap((entry) => {
    const below = set[entryStep(rule, entry)];
    if (below === undefined) return [entry];
    return rule.kind === "set" || below["."] !== undefined ? [] : [removeFields(type, entry, below, path)];
  });
}

function isBare(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

/** An object that a first apply begins with: nothing but its name. */
export function blankObject(config: Fields, name: string, namespace: string | undefined): NewObject {
  const { apiVersion, kind } = config as Pick<KubeObject, "apiVersion" | "kind">;
  return { apiVersion, kind, metadata: { name, ...(namespace === undefined ? {} : { namespace }) } };
}
