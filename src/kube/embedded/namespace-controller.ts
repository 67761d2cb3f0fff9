import type { ClusterStore } from "./store.js";
import type { KubeObject } from "./types.js";

const namespaces = { group: "", resource: "namespaces" };

/**
 * Empties namespaces in deletion, and lets them go when nothing is left: objects
 * with finalizers hold their namespace until they are gone themselves.
 */
export function startNamespaceController(store: ClusterStore, onError: (error: unknown) => void): () => void {
  const sweep = async (namespace: string) => {
    const found = store.resources().flatMap(({ group, resource }) => {
      const inside = store.collection({ group, resource }).all();
      return inside
        .filter(({ metadata }) => metadata.namespace === namespace)
        .map(({ metadata }) => ({
          group,
          resource,
          namespace,
          name: metadata.name,
        }));
    });
    for (const ref of found) await store.delete(ref);
    await finish(store, namespace);
  };
  const check = (namespace: KubeObject | undefined) => {
    if (namespace?.metadata.deletionTimestamp) sweep(namespace.metadata.name).catch(onError);
  };
  for (const namespace of store.list(namespaces)) check(namespace);
  return store.watchAll((resource, event) => {
    if (resource.group === "" && resource.resource === "namespaces") {
      if (event.type === "MODIFIED" && !event.previous?.metadata.deletionTimestamp) check(event.object);
    } else if (event.type === "DELETED" && event.object.metadata.namespace !== undefined) {
      const namespace = store.get({ ...namespaces, name: event.object.metadata.namespace });
      if (namespace?.metadata.deletionTimestamp) finish(store, namespace.metadata.name).catch(onError);
    }
  });
}

/** Takes the finalizer off a namespace in deletion that is empty. */
async function finish(store: ClusterStore, namespace: string): Promise<void> {
  const isInside = ({ metadata }: KubeObject) => metadata.namespace === namespace;
  await store.modify({ ...namespaces, name: namespace }, (draft) => {
    // Looked at within the write, so that nothing can get in between.
    if (!draft.metadata.deletionTimestamp) return;
    const left = store.resources().some((resource) => store.collection(resource).all().some(isInside));
    if (!left) draft.spec = { ...draft.spec, finalizers: [] };
  });
}
