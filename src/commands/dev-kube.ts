import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { Logger } from "pino";
import type { Config } from "../config.js";
import { clusterApiSimulator } from "../kube/embedded/cluster-api/simulator.js";
import type { GardenerSimulatorOptions } from "../kube/embedded/gardener/settings.js";
import { gardenerSimulator } from "../kube/embedded/gardener/simulator.js";
import { startEmbeddedKube } from "../kube/embedded/server.js";
import { startHostWorkloads } from "../kube/embedded/workloads/host.js";
import { readSetting } from "../process.js";
import { type Assets, parseAssets } from "../resources/api/assets/assets.js";
import { listenOn, sameAddress } from "./addresses.js";
import { writePrivate } from "./dev-data.js";

/** The Kubernetes of `slipway dev`. */
export interface DevKube {
  readonly kubeconfigPath: string;
  close(): Promise<void>;
}

/** Uses the Kubernetes of KUBECONFIG where that is set, else starts the embedded one with a simulated Gardener and Cluster API. */
export async function startDevKube(
  config: Config,
  log: Logger,
  options: { readonly dataDir: string; readonly timeScale: number },
): Promise<DevKube> {
  if (config.kubeconfig !== undefined) {
    return { kubeconfigPath: config.kubeconfig, close: async () => {} };
  }
  const assets = await readSetting("SLIPWAY_ASSETS_FILE", config.assetsFile, parseAssets);
  const simulated = { ...offerOf(assets), timeScale: options.timeScale, log };
  const simulators = [gardenerSimulator(simulated), clusterApiSimulator(simulated)];
  // Both bring what runs inside of clusters.
  const extensions = [...new Set(simulators.flatMap((simulator) => simulator.extensions))];
  const directory = join(options.dataDir, "kubernetes");
  const kubeconfigPath = join(options.dataDir, "kubeconfig");
  const earlier = /server: (\S+)/.exec(await readFile(kubeconfigPath, "utf8").catch(() => ""))?.[1];
  const address = await sameAddress(config.kubeListen, earlier);
  const embedded = await listenOn("SLIPWAY_KUBE_LISTEN", address, () =>
    startEmbeddedKube({ directory, ...address, log, extensions }),
  );
  const { timeScale } = options;
  const running = await Promise.all([
    ...simulators.map((simulator) => simulator.start(embedded)),
    startHostWorkloads(embedded.store, { clock: () => new Date(), timeScale, log }),
  ]);
  await writePrivate(kubeconfigPath, embedded.adminKubeconfig);
  return {
    kubeconfigPath,
    async close() {
      await Promise.all(running.map((controller) => controller.stop()));
      await embedded.close();
    },
  };
}

/** What the simulated Gardener offers: all that can be ordered. */
export function offerOf(
  assets: Assets,
): Pick<GardenerSimulatorOptions, "regions" | "kubernetesVersions" | "machineTypes"> {
  const all = Object.entries(assets.all);
  return {
    regions: all.map(([name, { region }]) => ({ name, zones: Object.keys(region?.partitions ?? {}) })),
    kubernetesVersions: all.flatMap(([, { kubernetes }]) =>
      kubernetes.map(({ version, expiration }) => ({ version, expiration: expiration && timestampDate(expiration) })),
    ),
    machineTypes: all.flatMap(([, { machineTypes }]) =>
      Object.entries(machineTypes).map(([name, { cpus, memory }]) => ({ name, cpus, memory })),
    ),
  };
}
