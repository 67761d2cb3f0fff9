import { type KubeClient, openKube } from "../../../src/kube/client.js";
import { clusterApiSimulator } from "../../../src/kube/embedded/cluster-api/simulator.js";
import { gardenerSimulator } from "../../../src/kube/embedded/gardener/simulator.js";
import { startEmbeddedKube } from "../../../src/kube/embedded/server.js";
import type { KubeObject, ResourceType } from "../../../src/kube/objects.js";
import { clusterApiBackend } from "../../../src/resources/api/cluster/cluster-api.js";
import { capiClusters } from "../../../src/resources/api/cluster/cluster-api-types.js";
import { gardenerBackend } from "../../../src/resources/api/cluster/gardener.js";
import { shoots } from "../../../src/resources/api/cluster/gardener-types.js";
import type { ClusterBackend } from "../../../src/resources/api/cluster/kube.js";
import { settings as clusterApiSettings } from "../cluster-api/management.js";
import { settings as gardenerSettings, log, partition } from "../gardener/garden.js";

/** One kind of backend: how its adapter is made, what it writes, and what it cannot do. */
export interface Kind {
  readonly name: string;
  readonly resource: ResourceType;
  readonly adapter: (client: KubeClient, watchdogMs?: number) => ClusterBackend;
  readonly refusesMaintenance: boolean;
  /** The label of nodes that names their group of machines. */
  readonly groupLabel: string;
}

/** All backends that must behave alike. */
export const kinds: readonly Kind[] = [
  {
    name: "Gardener",
    resource: shoots,
    refusesMaintenance: false,
    groupLabel: "worker.gardener.cloud/pool",
    adapter: (client, watchdogMs = 150_000) =>
      gardenerBackend({ client, partition, settings: gardenerSettings, log, watchdogMs, projectWaitMs: 2000 }),
  },
  {
    name: "Cluster API",
    resource: capiClusters,
    refusesMaintenance: true,
    groupLabel: "node.cluster.x-k8s.io/pool",
    adapter: (client, watchdogMs = 150_000) =>
      clusterApiBackend({ client, partition, settings: clusterApiSettings, log, watchdogMs }),
  },
];

const gigabyte = 1024 ** 3;

/** An embedded API server that plays Gardener and Cluster API, and the adapter of one of them. */
export async function startWorld(kind: Kind, options: { timeScale?: number } = {}) {
  let aheadMs = 0;
  const clock = () => new Date(Date.now() + aheadMs);
  const simulated = {
    clock,
    timeScale: options.timeScale ?? 200,
    regions: [{ name: "muc", zones: [partition] }],
    kubernetesVersions: [{ version: "1.32.4" }, { version: "1.33.2" }],
    machineTypes: [
      { name: "n1-medium-x86", cpus: 8, memory: 32 * gigabyte },
      { name: "c1-large-x86", cpus: 24, memory: 192 * gigabyte },
    ],
  };
  const simulators = [gardenerSimulator(simulated), clusterApiSimulator(simulated)];
  const extensions = [...new Set(simulators.flatMap((simulator) => simulator.extensions))];
  const embedded = await startEmbeddedKube({ extensions, clock });
  const running = await Promise.all(simulators.map((simulator) => simulator.start(embedded)));
  const client = openKube({ kubeconfig: embedded.adminKubeconfig, log });
  return {
    kind,
    embedded,
    client,
    backend: kind.adapter(client),
    /** Lets time pass for the API server. */
    advance(ms: number) {
      aheadMs += ms;
    },
    /** What the backend holds for a cluster. */
    async objectsOf(cluster: string): Promise<KubeObject[]> {
      const selection = { labelSelector: `slipway.dev/cluster=${cluster}` };
      return (await client.list<KubeObject>(kind.resource, selection)).items;
    },
    async close() {
      client.close();
      await Promise.all(running.map((controller) => controller.stop()));
      await embedded.close();
    },
  };
}

export type World = Awaited<ReturnType<typeof startWorld>>;
