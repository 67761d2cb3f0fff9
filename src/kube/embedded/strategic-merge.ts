import { isDeepStrictEqual } from "node:util";
import { isFields } from "./fields.js";
import { type FieldPath, strategicKey } from "./merge-keys.js";
import type { ServedType } from "./served-type.js";
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
    else result[key] = mergeValue(type, result[key], change, [...path, key], patch[orderPrefix + key]);
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith(removePrefix)) removeValues(result, key.slice(removePrefix.length), value);
    const field = key.startsWith(orderPrefix) ? key.slice(orderPrefix.length) : undefined;
    if (field === undefined || Array.isArray(patch[field]) || !Array.isArray(result[field])) continue;
    result[field] = mergeValue(type, result[field], [], [...path, field], value);
  }
  return result;
}

function mergeValue(type: ServedType, before: unknown, change: unknown, path: FieldPath, order?: unknown): unknown {
  if (!Array.isArray(change)) {
    return isFields(change) ? strategicMerge(type, isFields(before) ? before : {}, change, path) : change;
  }
  const key = strategicKey(type, path);
  if (key === undefined) return Array.isArray(order) && change.length === 0 ? before : change.map(cleaned);
  const known = Array.isArray(before) ? before : [];
  const merged = key === "" ? [...new Set([...known, ...change])] : mergeEntries(type, known, change, path, key);
  return arranged(merged, known, Array.isArray(order) ? order : change, key);
}

function mergeEntries(
  type: ServedType,
  before: readonly unknown[],
  change: readonly unknown[],
  path: FieldPath,
  key: string,
): unknown[] {
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

/**
 * Entries that the patch names come in its order; each other one stays before
 * the first of them that it was before already, as upstream arranges them.
 */
function arranged(
  list: readonly unknown[],
  before: readonly unknown[],
  order: readonly unknown[],
  key: string,
): unknown[] {
  const identity = (entry: unknown) => (key !== "" && isFields(entry) ? entry[key] : entry);
  const wanted = new Map(order.map((entry, at) => [identity(entry), at]));
  const places = new Map(before.map((entry, at) => [identity(entry), at]));
  const wantedPlace = (entry: unknown) => wanted.get(identity(entry)) ?? 0;
  const placeOf = (entry: unknown) => places.get(identity(entry)) ?? -1;
  const named = list.filter((entry) => wanted.has(identity(entry))).sort((a, b) => wantedPlace(a) - wantedPlace(b));
  const result: unknown[] = [];
  for (const entry of list.filter((candidate) => !wanted.has(identity(candidate)))) {
    while (named.length > 0 && placeOf(named[0]) <= placeOf(entry)) result.push(named.shift());
    result.push(entry);
  }
  return [...result, ...named];
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

function withoutDirectives(patch: Fields): Fields {
  const kept = Object.entries(patch).filter(([key, value]) => !key.startsWith("$") && value !== null);
  return Object.fromEntries(kept.map(([key, value]) => [key, cleaned(value)]));
}

function cleaned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(cleaned);
  return isFields(value) ? withoutDirectives(value) : value;
}
