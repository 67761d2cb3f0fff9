import { asList } from "../fields.js";
import type { KubeObject, ObjectStore, ResourceName } from "../types.js";

/** Objects by keys that are derived from them, kept up to date by watches. */
export interface ObjectIndex {
  /** The objects with a key, in no order. */
  get(key: string): KubeObject[];
  /** How many have it. */
  count(key: string): number;
  stop(): void;
}

/** Indexes the objects of some resources. Made before any controller, so that it knows a change before they hear of it. */
export function createObjectIndex(
  store: ObjectStore,
  resources: readonly ResourceName[],
  keysOf: (object: KubeObject) => readonly string[],
): ObjectIndex {
  const buckets = new Map<string, Map<string, KubeObject>>();
  const put = (object: KubeObject): void => {
    for (const key of keysOf(object)) {
      const bucket = buckets.get(key) ?? new Map<string, KubeObject>();
      buckets.set(key, bucket.set(object.metadata.uid, object));
    }
  };
  const take = (object: KubeObject): void => {
    for (const key of keysOf(object)) {
      const bucket = buckets.get(key);
      bucket?.delete(object.metadata.uid);
      if (bucket?.size === 0) buckets.delete(key);
    }
  };
  const stops = resources.map((resource) => {
    store.list(resource).forEach(put);
    return store.watch(resource, ({ type, object, previous }) => {
      if (previous !== undefined) take(previous);
      if (type !== "DELETED") put(object);
    });
  });
  return {
    get: (key) => [...(buckets.get(key)?.values() ?? [])],
    count: (key) => buckets.get(key)?.size ?? 0,
    stop: () => {
      for (const stop of stops) stop();
    },
  };
}

/** Keys of the index of pods. */
export const podKeys = {
  owner: (uid: string) => `owner ${uid}`,
  node: (name: string) => `node ${name}`,
  namespace: (name: string) => `namespace ${name}`,
  label: (namespace: string, name: string, value: string) => `label ${namespace} ${name}=${value}`,
};

/** The keys under which a pod is found. */
export function keysOfPod({ metadata, spec }: KubeObject): string[] {
  const { namespace = "", labels = {} } = metadata;
  const node = typeof spec?.nodeName === "string" ? [podKeys.node(spec.nodeName)] : [];
  const label = Object.entries(labels).map(([name, value]) => podKeys.label(namespace, name, value));
  return [...keysOfOwners({ metadata }), podKeys.namespace(namespace), ...node, ...label];
}

/** The keys of the owners of an object. */
export function keysOfOwners({ metadata }: Pick<KubeObject, "metadata">): string[] {
  const owners = asList(metadata.ownerReferences);
  return owners.filter(({ controller }) => controller === true).map(({ uid }) => podKeys.owner(String(uid)));
}
