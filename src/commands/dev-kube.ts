import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import type { Config } from "../config.js";
import { gardenerSimulator } from "../kube/embedded/gardener/simulator.js";
import { startEmbeddedKube } from "../kube/embedded/server.js";
import { parseAssets } from "../resources/api/assets/assets.js";
import type { DevOptions } from "./dev.js";
import { writePrivate } from "./dev-data.js";

/** The Kubernetes of `slipway dev`. */
export interface DevKube {
  readonly kubeconfigPath: string;
  close(): Promise<void>;
}

/** Uses the Kubernetes of KUBECONFIG where that is set, else starts the embedded one with a simulated Gardener. */
export async function startDevKube(config: Config, log: Logger, options: DevOptions): Promise<DevKube> {
  if (config.kubeconfig !== undefined) {
    return { kubeconfigPath: config.kubeconfig, close: async () => {} };
  }
  const assets = parseAssets(config.assetsFile === undefined ? undefined : await readFile(config.assetsFile, "utf8"));
  const simulator = gardenerSimulator({ timeScale: options.timeScale, assets });
  const embedded = await startEmbeddedKube({
    directory: join(options.dataDir, "kubernetes"),
    host: config.kubeListen.host,
    port: config.kubeListen.port,
    log,
    extensions: [simulator.extension],
  });
  const running = simulator.start(embedded);
  const kubeconfigPath = join(options.dataDir, "kubeconfig");
  await writePrivate(kubeconfigPath, embedded.adminKubeconfig);
  return {
    kubeconfigPath,
    async close() {
      await running.stop();
      await embedded.close();
    },
  };
}
