import { isDeepStrictEqual } from "node:util";
import { changedFields, difference, type FieldSet, isEmpty, present, union } from "./field-sets.js";
import { apiVersionOf, timestamp } from "./lifecycle.js";
import type { ServedType } from "./served-type.js";
import type { Fields, KubeObject, ManagedFieldsEntry } from "./types.js";

/** Who writes, and how. */
export interface Writer {
  readonly manager: string;
  readonly operation: ManagedFieldsEntry["operation"];
  readonly subresource: string;
  readonly now: Date;
}

/** Metadata that belongs to the server or names the object, and so to no manager. */
const serverMetadata = [
  "name",
  "namespace",
  "generateName",
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "managedFields",
  "selfLink",
];

/** The part of an object that managers own. */
export function ownable(object: Readonly<Fields>): Fields {
  const { apiVersion: _, kind: __, metadata, ...rest } = object;
  const kept = Object.entries((metadata ?? {}) as Fields).filter(([name]) => !serverMetadata.includes(name));
  return kept.length > 0 ? { metadata: Object.fromEntries(kept), ...rest } : rest;
}

/** Whether an entry is the writer's own. */
export function isOwn(entry: ManagedFieldsEntry, writer: Writer): boolean {
  return (
    entry.manager === writer.manager &&
    entry.operation === writer.operation &&
    (entry.subresource ?? "") === writer.subresource
  );
}

/** The fields of an entry; a client may have written anything there. */
export function setOf(entry: ManagedFieldsEntry | undefined): FieldSet {
  return (entry?.fieldsV1 ?? {}) as FieldSet;
}

/** The entries after a plain write: what it changed is its own from now on, what it removed nobody's. */
export function entriesAfterUpdate(
  type: ServedType,
  current: KubeObject | undefined,
  updated: KubeObject,
  writer: Writer,
): ManagedFieldsEntry[] {
  const after = ownable(updated);
  const changed = changedFields(type, current ? ownable(current) : undefined, after);
  const entries = (current?.metadata.managedFields ?? []).flatMap((entry) => {
    const rest = present(type, isOwn(entry, writer) ? setOf(entry) : difference(setOf(entry), changed), after);
    return withSet(entry, rest, writer.now);
  });
  return isEmpty(changed) ? entries : withOwn(type, entries, writer, changed, true);
}

/** The entries after an apply of `applied`; `taken` went from the others to the writer. */
export function entriesAfterApply(
  type: ServedType,
  entries: readonly ManagedFieldsEntry[],
  writer: Writer,
  applied: FieldSet,
  taken: FieldSet,
): ManagedFieldsEntry[] {
  const others = entries.flatMap((entry) =>
    isOwn(entry, writer) ? [entry] : withSet(entry, difference(setOf(entry), taken), writer.now),
  );
  return withOwn(type, others, writer, applied, false);
}

function withSet(entry: ManagedFieldsEntry, set: FieldSet, now: Date): ManagedFieldsEntry[] {
  if (isEmpty(set)) return [];
  if (isDeepStrictEqual(set, entry.fieldsV1)) return [entry];
  return [{ ...entry, fieldsV1: set, time: timestamp(now) }];
}

function withOwn(
  type: ServedType,
  entries: readonly ManagedFieldsEntry[],
  writer: Writer,
  set: FieldSet,
  add: boolean,
): ManagedFieldsEntry[] {
  const own = entries.find((entry) => isOwn(entry, writer));
  if (own) {
    const next = withSet(own, add ? union(setOf(own), set) : set, writer.now);
    return entries.flatMap((entry) => (entry === own ? next : [entry]));
  }
  const made: ManagedFieldsEntry = {
    manager: writer.manager,
    operation: writer.operation,
    apiVersion: apiVersionOf(type),
    time: timestamp(writer.now),
    fieldsType: "FieldsV1",
    fieldsV1: set,
    ...(writer.subresource ? { subresource: writer.subresource } : {}),
  };
  return isEmpty(set) ? [...entries] : [...entries, made];
}
