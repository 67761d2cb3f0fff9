import { isDeepStrictEqual } from "node:util";
import { isRecord } from "../../../record.js";
import { Hidden } from "./hidden.js";

/** A field that differs, with what it is and would be as JSON: empty when it is not there or hidden. */
export interface FieldChange {
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

/** Most fields that are told of one object. */
const mostFields = 200;

/** The fields in which two objects differ, in the order of the second. Entries of lists that have names go by them. */
export function changesBetween(before: unknown, after: unknown): FieldChange[] {
  return changesAt("", before, after).slice(0, mostFields);
}

function changesAt(path: string, before: unknown, after: unknown): FieldChange[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (isFields(before) && isFields(after)) {
    const keys = [...new Set([...Object.keys(after), ...Object.keys(before)])];
    return keys.flatMap((key) => changesAt(pathOf(path, key), own(before, key), own(after, key)));
  }
  if (Array.isArray(before) && Array.isArray(after)) return changesOfList(path, before, after);
  return [{ path, before: jsonOf(before), after: jsonOf(after) }];
}

const isFields = (value: unknown): value is Record<string, unknown> => isRecord(value) && !(value instanceof Hidden);

const own = (fields: Record<string, unknown>, key: string): unknown =>
  Object.hasOwn(fields, key) ? fields[key] : undefined;

function pathOf(path: string, key: string): string {
  if (!/^[A-Za-z_][\w-]*$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === "" ? key : `${path}.${key}`;
}

function changesOfList(path: string, before: readonly unknown[], after: readonly unknown[]): FieldChange[] {
  const [old, now] = [namesOf(before), namesOf(after)];
  if (old === undefined || now === undefined) {
    const length = Math.max(before.length, after.length);
    return Array.from({ length }, (_, i) => changesAt(`${path}[${i}]`, before[i], after[i])).flat();
  }
  const kept = now.flatMap((name, i) => {
    const at = old.indexOf(name);
    return changesAt(`${path}[${i}]`, at < 0 ? undefined : before[at], after[i]);
  });
  const gone = old.flatMap((name, i) => (now.includes(name) ? [] : changesAt(`${path}[${i}]`, before[i], undefined)));
  return [...kept, ...gone];
}

/** The names of entries; undefined when not all have one of their own. */
function namesOf(list: readonly unknown[]): string[] | undefined {
  const names = list.flatMap((each) => (isRecord(each) && typeof each.name === "string" ? [each.name] : []));
  return names.length === list.length && new Set(names).size === names.length ? names : undefined;
}

const jsonOf = (value: unknown): string =>
  value === undefined || value instanceof Hidden ? "" : JSON.stringify(value);
