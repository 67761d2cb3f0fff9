import { definitionsName } from "./custom-types.js";
import { startDefinitionController } from "./definition-controller.js";
import type { ApiExtension } from "./extension.js";
import { startGarbageCollector } from "./garbage-collector.js";
import { startNamespaceController } from "./namespace-controller.js";
import { createRegistry, type Registry } from "./registry.js";
import { StatusError } from "./status-error.js";
import { type ClusterStore, openStore, type StoreParts } from "./store.js";

/** One virtual cluster of the server. */
export interface Cluster {
  /** "" is the management cluster. */
  readonly name: string;
  readonly store: ClusterStore;
  readonly registry: Registry;
  readonly extensions: readonly ApiExtension[];
  /** Running watches, logs and sessions; each is ended by calling it. */
  readonly streams: Set<() => void>;
  /** Ends streams and controllers. */
  stop(): void;
}

const standardNamespaces = ["default", "kube-node-lease", "kube-public", "kube-system"];

/** Opens a cluster with its standard namespaces and starts what a cluster does by itself. */
export async function openCluster(
  name: string,
  extensions: readonly ApiExtension[],
  parts: Omit<StoreParts, "typeOf">,
): Promise<Cluster> {
  const own = extensions.filter((extension) => extension.appliesTo?.(name) ?? name === "");
  let revision = 0;
  let store: ClusterStore | undefined;
  const definitions = () => store?.list(definitionsName) ?? [];
  const registry = createRegistry(own, definitions, () => revision);
  store = await openStore({ ...parts, typeOf: (resource) => registry.typeOf(resource) });
  const opened = store;
  revision += 1;
  const stops = [
    opened.watch(definitionsName, () => {
      revision += 1;
    }),
    startNamespaceController(opened, parts.onListenerError),
    startDefinitionController(opened, parts.onListenerError),
    startGarbageCollector(opened, parts.onListenerError),
  ];
  await createNamespaces(opened);
  const streams = new Set<() => void>();
  const stop = () => {
    opened.end();
    for (const end of [...stops, ...streams]) end();
  };
  return { name, store: opened, registry, extensions: own, streams, stop };
}

async function createNamespaces(store: ClusterStore): Promise<void> {
  for (const name of standardNamespaces) {
    try {
      await store.create({ group: "", resource: "namespaces" }, { metadata: { name } });
    } catch (error) {
      if (!(error instanceof StatusError && error.reason === "AlreadyExists")) throw error;
    }
  }
}
