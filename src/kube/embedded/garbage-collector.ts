import { StatusError } from "./status-error.js";
import type { ClusterStore } from "./store.js";
import type { KubeObject, ObjectRef, ResourceName, StoreEvent } from "./types.js";

/** Finalizers by which a deletion says what is to become of the dependents. */
export const propagation = { foreground: "foregroundDeletion", orphan: "orphan" } as const;

interface Found {
  readonly ref: ObjectRef;
  readonly object: KubeObject;
}

/** All objects by uid, and who depends on whom: kept up to date, so that no change makes it look at everything. */
interface Family {
  readonly all: Map<string, Found>;
  readonly dependents: Map<string, Map<string, Found>>;
}

/**
 * Deletes objects all of whose owners are gone. An owner that is deleted with
 * the foreground policy waits for its dependents; with orphan, the dependents
 * lose the reference and stay.
 */
export function startGarbageCollector(store: ClusterStore, onError: (error: unknown) => void): () => void {
  const family: Family = { all: new Map(), dependents: new Map() };
  const due = new Set<string>();
  let running = false;
  const run = async () => {
    if (running) return;
    running = true;
    try {
      for (const uid of due) {
        due.delete(uid);
        await look(store, family, uid);
      }
    } finally {
      running = false;
    }
  };
  const start = () => void run().catch(onError);
  for (const found of everything(store)) {
    join(family, found);
    due.add(found.object.metadata.uid);
  }
  start();
  return store.watchAll(({ group, resource }, event) => {
    follow(family, foundOf({ group, resource }, event.object), event);
    for (const uid of concerned(family, event)) due.add(uid);
    if (due.size > 0) start();
  });
}

function join({ all, dependents }: Family, found: Found): void {
  const { uid, ownerReferences = [] } = found.object.metadata;
  all.set(uid, found);
  for (const owner of ownerReferences) {
    const known = dependents.get(owner.uid) ?? new Map<string, Found>();
    dependents.set(owner.uid, known.set(uid, found));
  }
}

function follow(family: Family, found: Found, { type, previous }: StoreEvent): void {
  const { uid } = found.object.metadata;
  for (const owner of previous?.metadata.ownerReferences ?? []) {
    const known = family.dependents.get(owner.uid);
    known?.delete(uid);
    if (known?.size === 0) family.dependents.delete(owner.uid);
  }
  if (type === "DELETED") family.all.delete(uid);
  else join(family, found);
}

/** Whom a change may bring to an end: those that were owned, the object itself, and owners that wait for it. */
function concerned({ all, dependents }: Family, { type, object, previous }: StoreEvent): string[] {
  const { uid, ownerReferences = [] } = object.metadata;
  const owners = [...ownerReferences, ...(previous?.metadata.ownerReferences ?? [])];
  const waiting = owners.map((owner) => owner.uid).filter((owner) => isWaiting(all.get(owner)));
  if (type === "DELETED") return [...waiting, ...(dependents.get(uid)?.keys() ?? [])];
  const orphaned = ownerReferences.length > 0 && !ownerReferences.some((owner) => all.has(owner.uid));
  return orphaned || waits(object) ? [...waiting, uid] : waiting;
}

function isWaiting(found: Found | undefined): boolean {
  return found !== undefined && waits(found.object) !== undefined;
}

function waits(object: KubeObject): string | undefined {
  if (!object.metadata.deletionTimestamp) return undefined;
  return object.metadata.finalizers?.find((entry) => Object.values<string>(propagation).includes(entry));
}

async function look(store: ClusterStore, { all, dependents }: Family, uid: string): Promise<void> {
  const found = all.get(uid);
  if (found === undefined) return;
  const { ownerReferences = [] } = found.object.metadata;
  const orphaned = ownerReferences.length > 0 && !ownerReferences.some((owner) => all.has(owner.uid));
  if (orphaned) await remove(store, found.ref, found.object);
  const finalizer = waits(found.object);
  if (finalizer) await propagate(store, found.ref, found.object, finalizer, [...(dependents.get(uid)?.values() ?? [])]);
}

function everything(store: ClusterStore): Found[] {
  return store.resources().flatMap((name) => {
    return store
      .collection(name)
      .all()
      .map((object) => foundOf(name, object));
  });
}

function foundOf({ group, resource }: ResourceName, object: KubeObject): Found {
  const { name, namespace } = object.metadata;
  return { ref: { group, resource, name, ...(namespace === undefined ? {} : { namespace }) }, object };
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
