import { isDeepStrictEqual } from "node:util";
import { isFields } from "./fields.js";
import { type FieldPath, strategicKey } from "./merge-keys.js";
import type { ServedType } from "./registry.js";
import { badRequest } from "./status-error.js";
import type { Fields } from "./types.js";

const orderPrefix = "$setElementOrder/";
const removePrefix = "$deleteFromPrimitiveList/";

/**
 * Applies a strategic merge patch: maps are merged, lists with a merge key entry
 * by entry, others replaced. Understands $patch (replace, delete), $retainKeys,
 * $deleteFromPrimitiveList and $setElementOrder.
 */
export function strategicMerge(type: ServedType, original: Fields, patch: Fields, path: FieldPath = []): Fields {
  if (patch.$patch === "replace") return withoutDirectives(patch);
  if (patch.$patch === "delete") return {};
  if (patch.$patch !== undefined && patch.$patch !== "merge") {
    throw badRequest(`invalid patch: unknown $patch directive ${JSON.stringify(patch.$patch)}`);
  }
  const result: Fields = retained(original, patch.$retainKeys);
  for (const [key, change] of Object.entries(patch)) {
    if (key.startsWith("$")) continue;
    if (change === null) delete result[key];
    else result[key] = mergeValue(type, result[key], change, [...path, key]);
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith(removePrefix)) removeValues(result, key.slice(removePrefix.length), value);
    if (key.startsWith(orderPrefix)) reorder(type, result, [...path, key.slice(orderPrefix.length)], value);
  }
  return result;
}

function mergeValue(type: ServedType, before: unknown, change: unknown, path: FieldPath): unknown {
  if (Array.isArray(change)) return mergeList(type, Array.isArray(before) ? before : [], change, path);
  if (!isFields(change)) return change;
  return strategicMerge(type, isFields(before) ? before : {}, change, path);
}

function mergeList(
  type: ServedType,
  before: readonly unknown[],
  change: readonly unknown[],
  path: FieldPath,
): unknown[] {
  const key = strategicKey(type, path);
  if (key === undefined) return change.map(cleaned);
  if (key === "") return [...new Set([...before, ...change])];
  if (change.some((item) => isFields(item) && item.$patch === "replace" && item[key] === undefined)) {
    return change.filter((item) => !(isFields(item) && item.$patch === "replace")).map(cleaned);
  }
  const result = [...before];
  for (const item of change) {
    if (!isFields(item)) throw badRequest(`invalid patch: ${path.join(".")} must be a list of objects`);
    if (item[key] === undefined) throw badRequest(`invalid patch: an entry of ${path.join(".")} has no ${key}`);
    const at = result.findIndex((entry) => isFields(entry) && entry[key] === item[key]);
    const current = result[at];
    if (item.$patch === "delete") {
      if (at >= 0) result.splice(at, 1);
    } else if (isFields(current)) result[at] = strategicMerge(type, current, item, path);
    else result.push(strategicMerge(type, {}, item, path));
  }
  return result;
}

function retained(original: Fields, keys: unknown): Fields {
  if (!Array.isArray(keys)) return { ...original };
  return Object.fromEntries(Object.entries(original).filter(([key]) => keys.includes(key)));
}

function removeValues(result: Fields, field: string, values: unknown): void {
  const list = result[field];
  if (!Array.isArray(list) || !Array.isArray(values)) return;
  result[field] = list.filter((entry) => !values.some((value) => isDeepStrictEqual(entry, value)));
}

/** Puts the named entries in the given order; entries that the patch does not know come after them. */
function reorder(type: ServedType, result: Fields, path: FieldPath, order: unknown): void {
  const field = path.at(-1) ?? "";
  const list = result[field];
  if (!Array.isArray(list) || !Array.isArray(order)) return;
  const key = strategicKey(type, path);
  if (key === undefined) return;
  const identity = (entry: unknown) => (key !== "" && isFields(entry) ? entry[key] : entry);
  const place = new Map(order.map((entry, index) => [identity(entry), index]));
  const placeOf = (entry: unknown) => place.get(identity(entry)) ?? order.length;
  result[field] = list.toSorted((a, b) => placeOf(a) - placeOf(b));
}

function withoutDirectives(patch: Fields): Fields {
  const kept = Object.entries(patch).filter(([key, value]) => !key.startsWith("$") && value !== null);
  return Object.fromEntries(kept.map(([key, value]) => [key, cleaned(value)]));
}

function cleaned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(cleaned);
  return isFields(value) ? withoutDirectives(value) : value;
}
