import { randomInt, randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { ResourceType } from "./extension.js";
import { frozen } from "./frozen.js";
import { conflict } from "./status-error.js";
import type { Fields, KubeObject, NewObject, ObjectMeta, Preconditions } from "./types.js";

/** A time as metadata carries it: RFC 3339 in whole seconds. */
export function timestamp(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

/** The API version of a type, such as "v1" or "apps/v1". */
export function apiVersionOf(type: { readonly group: string; readonly version: string }): string {
  return type.group ? `${type.group}/${type.version}` : type.version;
}

const nameLetters = "bcdfghjklmnpqrstvwxz2456789";

/** Completes a generateName by five random letters. */
export function generatedName(prefix: string): string {
  const letters = Array.from({ length: 5 }, () => nameLetters[randomInt(nameLetters.length)]);
  return prefix.slice(0, 58) + letters.join("");
}

/** A new object with all metadata that the server gives; the resourceVersion comes with the write. */
export function bornObject(
  type: ResourceType,
  object: NewObject,
  identity: { name: string; namespace: string | undefined },
  now: Date,
): KubeObject {
  const { name: _, namespace: __, deletionTimestamp: ___, deletionGracePeriodSeconds: ____, ...kept } = object.metadata;
  const { generation: _____, ...others } = kept;
  const tracked = type.generation ?? true;
  return {
    ...object,
    apiVersion: object.apiVersion ?? apiVersionOf(type),
    kind: type.kind,
    metadata: {
      ...others,
      name: identity.name,
      ...(identity.namespace === undefined ? {} : { namespace: identity.namespace }),
      uid: randomUUID(),
      resourceVersion: "",
      creationTimestamp: timestamp(now),
      ...(tracked ? { generation: 1 } : {}),
    },
  };
}

/**
 * What an update makes of the current object: identity and deletion stay as
 * they are, the generation rises with the spec, and never falls. Undefined
 * when nothing changes.
 */
export function updatedObject(type: ResourceType, current: KubeObject, proposed: KubeObject): KubeObject | undefined {
  const { deletionTimestamp: _, deletionGracePeriodSeconds: __, generation: ___, ...writable } = proposed.metadata;
  const before = current.metadata;
  const metadata: ObjectMeta = {
    ...writable,
    name: before.name,
    ...(before.namespace === undefined ? {} : { namespace: before.namespace }),
    ...(before.generateName === undefined ? {} : { generateName: before.generateName }),
    uid: before.uid,
    resourceVersion: before.resourceVersion,
    creationTimestamp: before.creationTimestamp,
    ...(before.deletionTimestamp === undefined
      ? {}
      : { deletionTimestamp: before.deletionTimestamp, deletionGracePeriodSeconds: 0 }),
    ...generationAfter(type, current, proposed),
  };
  const updated = frozen({ ...proposed, apiVersion: current.apiVersion, kind: current.kind, metadata });
  return isDeepStrictEqual(updated, current) ? undefined : updated;
}

function generationAfter(type: ResourceType, current: KubeObject, proposed: KubeObject): { generation?: number } {
  if (type.generation === false || current.metadata.generation === undefined) return {};
  const before = current.metadata.generation;
  const risen = isDeepStrictEqual(desired(type, current), desired(type, proposed)) ? before : before + 1;
  return { generation: Math.max(risen, Number(proposed.metadata.generation ?? 0)) };
}

/** The part of an object that its generation counts: all but metadata and, where it is separate, status. */
function desired(type: ResourceType, object: KubeObject): Fields {
  const { apiVersion: _, kind: __, metadata: ___, status, ...rest } = object;
  return type.status === false ? { ...rest, status } : rest;
}

/** What still holds an object in deletion back; namespaces have a list of their own in their spec. */
export function finalizersOf(type: ResourceType, object: KubeObject): string[] {
  const own = object.metadata.finalizers ?? [];
  if (type.group !== "" || type.resource !== "namespaces") return own;
  const inSpec = object.spec?.finalizers;
  return [...own, ...(Array.isArray(inSpec) ? inSpec.map(String) : [])];
}

/** The current object marked as in deletion. */
export function dyingObject(type: ResourceType, current: KubeObject, now: Date): KubeObject {
  const { generation, ...metadata } = current.metadata;
  const dying: KubeObject = {
    ...current,
    metadata: {
      ...metadata,
      ...(generation === undefined ? {} : { generation: generation + 1 }),
      deletionTimestamp: timestamp(now),
      deletionGracePeriodSeconds: 0,
    },
  };
  if (type.group === "" && type.resource === "namespaces") dying.status = { ...current.status, phase: "Terminating" };
  return dying;
}

/** Throws a 409 when the caller means another object, or another state of it. */
export function checkPreconditions(type: ResourceType, current: KubeObject, wanted: Preconditions): void {
  const { uid, resourceVersion, name } = current.metadata;
  const checks = [
    ["UID", wanted.uid, uid],
    ["ResourceVersion", wanted.resourceVersion, resourceVersion],
  ] as const;
  for (const [what, expected, actual] of checks) {
    if (expected === undefined || expected === actual) continue;
    const why = `Precondition failed: ${what} in precondition: ${expected}, ${what} in object meta: ${actual}`;
    throw conflict(type, name, why);
  }
}

/** Throws a 409 when an update was made from an older state. */
export function checkFresh(type: ResourceType, current: KubeObject, resourceVersion: string | undefined): void {
  if (!resourceVersion || resourceVersion === current.metadata.resourceVersion) return;
  const why = "the object has been modified; please apply your changes to the latest version and try again";
  throw conflict(type, current.metadata.name, why);
}
