import { pino } from "pino";
import { type KubeClient, openKube } from "../../../src/kube/client.js";
import { clusterApiSimulatorSettings } from "../../../src/kube/embedded/cluster-api/settings.js";
import { clusterApiSimulator } from "../../../src/kube/embedded/cluster-api/simulator.js";
import { startEmbeddedKube } from "../../../src/kube/embedded/server.js";
import { clusterApiBackend } from "../../../src/resources/api/cluster/cluster-api.js";
import { capiNamespace } from "../../../src/resources/api/cluster/cluster-api-cluster.js";
import type { ClusterApiSettings } from "../../../src/resources/api/cluster/cluster-api-settings.js";
import { type CapiCluster, capiClusters } from "../../../src/resources/api/cluster/cluster-api-types.js";
import { partition, project } from "../gardener/garden.js";

const log = pino({ enabled: false });

export const settings: ClusterApiSettings = clusterApiSimulatorSettings;
export const namespace = capiNamespace(project, settings);

/** An embedded API server with a simulated Cluster API, and Slipway's adapter on it. */
export async function startManagement(options: { timeScale?: number; directory?: string } = {}) {
  const { timeScale = 200, directory } = options;
  const simulator = clusterApiSimulator({
    timeScale,
    machineTypes: [{ name: "n1-medium-x86", cpus: 8, memory: 32 * 1024 ** 3 }],
  });
  const { extensions } = simulator;
  const embedded = await startEmbeddedKube({ ...(directory === undefined ? {} : { directory }), extensions });
  const running = await simulator.start(embedded);
  const client = openKube({ kubeconfig: embedded.adminKubeconfig, log });
  const backend = clusterApiBackend({ client, partition, settings, log });
  return {
    embedded,
    client,
    backend,
    async close() {
      client.close();
      await running.stop();
      await embedded.close();
    },
  };
}

export type Management = Awaited<ReturnType<typeof startManagement>>;

export const getCluster = (client: KubeClient, name: string) =>
  client.get<CapiCluster>(capiClusters, { namespace, name });
