import { isDeepStrictEqual } from "node:util";
import { type Collection, createCollection, keyOf } from "./collection.js";
import { fillNewObject } from "./defaults.js";
import type { Disk } from "./disk.js";
import type { ResourceType } from "./extension.js";
import { frozen } from "./frozen.js";
import {
  bornObject,
  checkFresh,
  checkPreconditions,
  dyingObject,
  finalizersOf,
  generatedName,
  updatedObject,
} from "./lifecycle.js";
import { labelSelector } from "./selectors.js";
import { alreadyExists, forbidden, invalid, notFound, StatusError } from "./status-error.js";
import type {
  KubeObject,
  NewObject,
  ObjectRef,
  ObjectStore,
  Preconditions,
  ResourceName,
  StoreEvent,
} from "./types.js";
import type { Versions } from "./versions.js";
import type { WriteQueue } from "./write-queue.js";

/** What a write decides on, seeing the current object. */
export type Decision =
  | { readonly do: "keep"; readonly object: KubeObject | undefined }
  | { readonly do: "put"; readonly object: KubeObject }
  | { readonly do: "remove"; readonly object: KubeObject };

/** The store as the server itself uses it. */
export interface ClusterStore extends ObjectStore {
  /** The one way in which anything changes: decides on the current state while all other writes wait. */
  write(
    ref: ObjectRef,
    decide: (current: KubeObject | undefined) => Decision,
    dryRun?: boolean,
  ): Promise<KubeObject | undefined>;
  collection(resource: ResourceName): Collection;
  /** Resources of which there are or were objects. */
  resources(): ResourceName[];
  /** Calls back on every later change of any resource. */
  watchAll(listener: (resource: ResourceName, event: StoreEvent) => void): () => void;
  /** Refuses all writes from now on. */
  end(): void;
  readonly versions: Versions;
}

/** What a store is made from; all stores of one server share disk, queue and versions. */
export interface StoreParts {
  /** Begins the keys of this cluster on disk. */
  readonly prefix: string;
  readonly disk: Disk;
  readonly queue: WriteQueue;
  readonly versions: Versions;
  readonly now: () => Date;
  readonly typeOf: (resource: ResourceName) => ResourceType | undefined;
  readonly onListenerError: (error: unknown) => void;
}

/** The key under which the newest resourceVersion is kept. */
export const versionKey = "version";

/** Makes the store of one cluster, with what the disk holds of it. */
export async function openStore(parts: StoreParts): Promise<ClusterStore> {
  const index = createIndex(parts);
  for await (const [key, value] of parts.disk.entries(parts.prefix)) {
    const [group = "", resource = ""] = key.slice(parts.prefix.length).split("/");
    index.collection({ group, resource }).restore(frozen(JSON.parse(value) as KubeObject));
  }
  const life = { over: false };
  const write = createWrite(parts, index, life);
  const end = () => {
    life.over = true;
  };
  return { ...index, ...readers(index), ...writers(parts, index, write), write, end, versions: parts.versions };
}

interface Index extends Pick<ClusterStore, "collection" | "resources" | "watchAll"> {
  commit(resource: ResourceName, event: StoreEvent): void;
}

function createIndex(parts: StoreParts): Index {
  const collections = new Map<string, { name: ResourceName; collection: Collection }>();
  const listeners = new Set<(resource: ResourceName, event: StoreEvent) => void>();
  const collection = ({ group, resource }: ResourceName) => {
    const key = `${group}/${resource}`;
    const known = collections.get(key);
    if (known) return known.collection;
    const made = createCollection(parts.versions.start, parts.onListenerError);
    const name = { group, resource };
    made.subscribe((event) => {
      for (const listener of [...listeners]) listener(name, event);
    });
    collections.set(key, { name, collection: made });
    return made;
  };
  return {
    collection,
    resources: () => [...collections.values()].map(({ name }) => name),
    commit: (resource, event) => collection(resource).commit(event),
    watchAll(listener) {
      const own: typeof listener = (resource, event) => listener(resource, event);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
  };
}

function createWrite(parts: StoreParts, index: Index, life: { readonly over: boolean }): ClusterStore["write"] {
  return (ref, decide, dryRun = false) =>
    parts.queue.run(async () => {
      if (life.over) throw new StatusError(503, "ServiceUnavailable", "this cluster is gone or the server is stopping");
      const key = keyOf(ref.namespace, ref.name);
      const current = index.collection(ref).get(key);
      const decision = decide(current);
      if (decision.do === "keep" || dryRun) return decision.object && frozen(decision.object);
      const next = parts.versions.next();
      const version = String(next);
      const { metadata } = decision.object;
      const object = frozen({ ...decision.object, metadata: { ...metadata, resourceVersion: version } });
      const diskKey = `${parts.prefix}${ref.group}/${ref.resource}/${key}`;
      const step = decision.do === "put" ? { key: diskKey, value: JSON.stringify(object) } : { key: diskKey };
      await parts.disk.write([step, { key: versionKey, value: version }]);
      parts.versions.commit(next);
      const type = decision.do === "remove" ? "DELETED" : current ? "MODIFIED" : "ADDED";
      index.commit(ref, { type, object, ...(current ? { previous: current } : {}) });
      return object;
    });
}

function readers(index: Index): Pick<ObjectStore, "get" | "list" | "watch"> {
  return {
    get: (ref) => index.collection(ref).get(keyOf(ref.namespace, ref.name)),
    list(resource, filter = {}) {
      const selects = labelSelector(filter.labelSelector ?? "");
      const inScope = (object: KubeObject) =>
        filter.namespace === undefined || object.metadata.namespace === filter.namespace;
      return index
        .collection(resource)
        .all()
        .filter((object) => inScope(object) && selects(object));
    },
    watch: (resource, onEvent) => index.collection(resource).subscribe(onEvent),
  };
}

type Writers = Pick<ObjectStore, "create" | "update" | "modify" | "patchStatus" | "delete">;

function writers(parts: StoreParts, index: Index, write: ClusterStore["write"]): Writers {
  const typeOf = (resource: ResourceName) => knownType(parts, resource);
  const modify = (ref: ObjectRef, change: (draft: KubeObject) => void, statusOnly: boolean) =>
    write(ref, (current) => {
      if (!current) return { do: "keep", object: undefined };
      const draft = structuredClone(current);
      change(draft);
      return decideUpdate(typeOf(ref), current, statusOnly ? withStatus(current, draft.status) : draft);
    });
  return {
    async create(resource, object) {
      const type = typeOf(resource);
      const ref = newRef(type, object);
      return expectObject(
        await write(ref, (current) => {
          checkRoom(index, type, ref, current);
          const born = bornObject(type, object, { name: ref.name, namespace: ref.namespace }, parts.now());
          fillNewObject(type, born, parts.now());
          return { do: "put", object: born };
        }),
      );
    },
    async update(resource, object) {
      const { namespace, name, resourceVersion } = object.metadata;
      const updated = await write({ ...resource, namespace, name }, (current) => {
        if (!current) throw notFound(resource, name);
        checkFresh(typeOf(resource), current, resourceVersion);
        return decideUpdate(typeOf(resource), current, object);
      });
      return expectObject(updated);
    },
    modify: (ref, change) => modify(ref, change, false),
    patchStatus: (ref, change) => modify(ref, change, true),
    delete: (ref, preconditions = {}) =>
      write(ref, (current) => {
        if (!current) return { do: "keep", object: undefined };
        return decideDelete(typeOf(ref), current, preconditions, parts.now());
      }),
  };
}

function knownType(parts: StoreParts, resource: ResourceName): ResourceType {
  const type = parts.typeOf(resource);
  if (!type) throw new StatusError(404, "NotFound", `there is no resource ${resource.resource} in "${resource.group}"`);
  return type;
}

/** Names a new object; completes a generateName. */
export function newRef(type: ResourceType, object: NewObject): ObjectRef {
  const { name, generateName, namespace } = object.metadata;
  if (!name && !generateName) {
    const message = "Required value: name or generateName is required";
    throw invalid(type.group, type.kind, "", [{ reason: "FieldValueRequired", message, field: "metadata.name" }]);
  }
  return {
    group: type.group,
    resource: type.resource,
    name: name || generatedName(generateName ?? ""),
    ...(type.namespaced ? { namespace: namespace ?? "default" } : {}),
  };
}

/** Throws when there cannot be a new object of that name: it is taken, or its namespace is not there. */
export function checkRoom(
  index: Pick<ClusterStore, "collection">,
  type: ResourceType,
  ref: ObjectRef,
  current: KubeObject | undefined,
): void {
  if (current) throw alreadyExists(type, ref.name);
  if (!type.namespaced) return;
  const namespaces = { group: "", resource: "namespaces" };
  const namespace = index.collection(namespaces).get(keyOf(undefined, ref.namespace ?? ""));
  if (!namespace) throw notFound(namespaces, ref.namespace ?? "");
  if (!namespace.metadata.deletionTimestamp) return;
  const why = `unable to create new content in namespace ${ref.namespace} because it is being terminated`;
  throw forbidden(type, ref.name, why);
}

/** What an update comes to: nothing, a new state, or the end of an object whose last finalizer went. */
export function decideUpdate(type: ResourceType, current: KubeObject, proposed: KubeObject): Decision {
  const updated = updatedObject(type, current, proposed);
  if (!updated) return { do: "keep", object: current };
  const done = updated.metadata.deletionTimestamp !== undefined && finalizersOf(type, updated).length === 0;
  return { do: done ? "remove" : "put", object: updated };
}

/** What a deletion comes to: the end, or a deletionTimestamp while finalizers remain. */
export function decideDelete(
  type: ResourceType,
  current: KubeObject,
  preconditions: Preconditions,
  now: Date,
): Decision {
  checkPreconditions(type, current, preconditions);
  if (finalizersOf(type, current).length === 0) return { do: "remove", object: current };
  if (current.metadata.deletionTimestamp !== undefined) return { do: "keep", object: current };
  return { do: "put", object: dyingObject(type, current, now) };
}

/** The current object with another status. */
export function withStatus(current: KubeObject, status: KubeObject["status"]): KubeObject {
  if (isDeepStrictEqual(current.status, status)) return current;
  const { status: _, ...rest } = current;
  return status === undefined ? rest : { ...rest, status };
}

function expectObject(object: KubeObject | undefined): KubeObject {
  if (!object) throw new Error("a write that creates or replaces answered no object");
  return object;
}
