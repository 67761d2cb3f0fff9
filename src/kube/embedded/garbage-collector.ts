import { StatusError } from "./status-error.js";
import type { ClusterStore } from "./store.js";
import type { KubeObject, ObjectRef, StoreEvent } from "./types.js";

/** Finalizers by which a deletion says what is to become of the dependents. */
export const propagation = { foreground: "foregroundDeletion", orphan: "orphan" } as const;

interface Found {
  readonly ref: ObjectRef;
  readonly object: KubeObject;
}

/**
 * Deletes objects all of whose owners are gone. An owner that is deleted with
 * the foreground policy waits for its dependents; with orphan, the dependents
 * lose the reference and stay.
 */
export function startGarbageCollector(store: ClusterStore, onError: (error: unknown) => void): () => void {
  let running = false;
  let again = false;
  const run = async () => {
    again = true;
    if (running) return;
    running = true;
    try {
      while (again) {
        again = false;
        await collectOnce(store);
      }
    } finally {
      running = false;
    }
  };
  const start = () => void run().catch(onError);
  start();
  return store.watchAll((_, event) => {
    if (mattersTo(event)) start();
  });
}

function mattersTo({ type, object }: StoreEvent): boolean {
  if (type === "DELETED") return true;
  return (object.metadata.ownerReferences ?? []).length > 0 || waits(object) !== undefined;
}

function waits(object: KubeObject): string | undefined {
  if (!object.metadata.deletionTimestamp) return undefined;
  return object.metadata.finalizers?.find((entry) => Object.values<string>(propagation).includes(entry));
}

async function collectOnce(store: ClusterStore): Promise<void> {
  const all = everything(store);
  const alive = new Set(all.map(({ object }) => object.metadata.uid));
  const dependents = new Map<string, Found[]>();
  for (const found of all) {
    for (const { uid } of found.object.metadata.ownerReferences ?? []) {
      dependents.set(uid, [...(dependents.get(uid) ?? []), found]);
    }
  }
  for (const [owner, found] of dependents) {
    if (alive.has(owner)) continue;
    const orphans = found.filter(({ object }) => !object.metadata.ownerReferences?.some(({ uid }) => alive.has(uid)));
    for (const { ref, object } of orphans) await remove(store, ref, object);
  }
  for (const { ref, object } of all) {
    const finalizer = waits(object);
    if (finalizer) await propagate(store, ref, object, finalizer, dependents.get(object.metadata.uid) ?? []);
  }
}

function everything(store: ClusterStore): Found[] {
  return store.resources().flatMap(({ group, resource }) => {
    const objects = store.collection({ group, resource }).all();
    return objects.map((object) => {
      const { name, namespace } = object.metadata;
      return { ref: { group, resource, name, ...(namespace === undefined ? {} : { namespace }) }, object };
    });
  });
}

/** Deletes what was looked at; a later object of the same name is left alone. */
async function remove(store: ClusterStore, ref: ObjectRef, object: KubeObject): Promise<void> {
  const current = store.get(ref);
  if (current?.metadata.uid !== object.metadata.uid || current.metadata.deletionTimestamp) return;
  try {
    await store.delete(ref, { uid: object.metadata.uid });
  } catch (error) {
    if (!(error instanceof StatusError && error.code === 409)) throw error;
  }
}

async function propagate(
  store: ClusterStore,
  ref: ObjectRef,
  owner: KubeObject,
  finalizer: string,
  dependents: readonly Found[],
): Promise<void> {
  for (const dependent of dependents) {
    if (finalizer === propagation.foreground) await remove(store, dependent.ref, dependent.object);
    else await release(store, dependent.ref, owner.metadata.uid);
  }
  // Dependents with finalizers of their own are waited for; their end starts another round.
  const left = dependents.some(({ ref: dependent }) => isDependent(store.get(dependent), owner.metadata.uid));
  if (left) return;
  await store.modify(ref, (draft) => {
    if (draft.metadata.uid !== owner.metadata.uid) return;
    draft.metadata.finalizers = (draft.metadata.finalizers ?? []).filter((entry) => entry !== finalizer);
  });
}

function isDependent(object: KubeObject | undefined, owner: string): boolean {
  return object?.metadata.ownerReferences?.some(({ uid }) => uid === owner) ?? false;
}

async function release(store: ClusterStore, ref: ObjectRef, owner: string): Promise<void> {
  await store.modify(ref, (draft) => {
    const kept = (draft.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== owner);
    if (kept.length > 0) draft.metadata.ownerReferences = kept;
    else delete draft.metadata.ownerReferences;
  });
}
