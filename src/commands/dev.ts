import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Logger } from "pino";
import { startBackground } from "../background.js";
import type { Config } from "../config.js";
import type { DatabaseServer } from "../db/database.js";
import { openEmbedded } from "../db/embedded.js";
import { migrate } from "../db/migrate.js";
import { openPlatform } from "../process.js";
import { startDemoRegistry } from "../registry/demo/server.js";
import { sameAddress } from "./addresses.js";
import { serveApi, serveMetrics, urlOf } from "./api.js";
import { type Closing, closeInTurn } from "./closing.js";
import { type DevInfo, ensureDemo, readDevInfo, readKeyring, writeDevInfo } from "./dev-data.js";
import { startDevKube } from "./dev-kube.js";
import type { Running } from "./run.js";
import { openDatabase } from "./settings.js";

export interface DevOptions {
  /** Where everything is kept that must survive a restart. */
  readonly dataDir: string;
  /** How many times faster than usual simulated clusters come and go. */
  readonly timeScale: number;
}

/** A whole platform in one process. */
export interface RunningDev extends Running {
  readonly info: DevInfo;
}

/** `slipway dev`: API, worker, database and Kubernetes in one process, with a tenant to try them. */
export async function dev(config: Config, log: Logger, given: DevOptions): Promise<RunningDev> {
  // What is written into dev.json must hold in any working directory.
  const options = { ...given, dataDir: resolve(given.dataDir) };
  const closing = closeInTurn(log);
  const { stop } = await closing.guard(() => start(config, log, options, closing));
  const info = await readDevInfo(options.dataDir);
  if (info === undefined) throw new Error(`${options.dataDir}/dev.json was removed`);
  return { info, stop };
}

async function start(config: Config, log: Logger, options: DevOptions, closing: Closing): Promise<void> {
  const { dataDir } = options;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const server = await openDevDatabase(config, log, dataDir);
  closing.add(() => server.close());
  await migrate(server, log);
  const kube = await startDevKube(config, log, options);
  closing.add(() => kube.close());
  const earlier = await readDevInfo(dataDir);
  let url = config.publicUrl ?? urlOf(config.listen, config.tls !== undefined);
  const keyring = config.keyring.length > 0 ? config.keyring : await readKeyring(dataDir);
  const open = await openPlatform({
    ...config,
    server,
    log,
    keyring,
    issuer: () => url,
    // A token goes on when the platform is started on another port.
    anyIssuer: true,
    admitTenants: "automatic",
    targetAddresses: "any",
    demoPrices: true,
    registryMirrors: await openDevRegistry(config, closing),
    kubeconfig: kube.kubeconfigPath,
  });
  closing.add(() => open.close());
  const metricsListen = await sameAddress(config.metricsListen, earlier?.metrics_url);
  const metrics = await serveMetrics({ metricsListen });
  closing.add(() => metrics.close());
  const background = await startBackground(open.platform, server, { concurrency: config.workerConcurrency });
  closing.add(() => background.stop());
  const api = await serveApi(open, server, config, await sameAddress(config.listen, earlier?.url), async (bound) => {
    url = config.publicUrl ?? urlOf(bound, config.tls !== undefined);
    const metricsUrl = `${urlOf({ ...metricsListen, port: metrics.port }, false)}/metrics`;
    const demo = await ensureDemo(open, url, earlier);
    // Whoever waits for readiness finds the file.
    await writeDevInfo(dataDir, { url, metrics_url: metricsUrl, kubeconfig: kube.kubeconfigPath, ...demo });
  });
  closing.add(() => api.stop());
}

/** Pods that are played pull nothing: their images need be nowhere. A real cluster, or who names mirrors, has others. */
async function openDevRegistry(config: Config, closing: Closing): Promise<Config["registryMirrors"]> {
  if (config.registryMirrors.size > 0 || config.kubeconfig !== undefined) return config.registryMirrors;
  const demo = await startDemoRegistry();
  closing.add(() => demo.close());
  return new Map([["*", demo.url]]);
}

async function openDevDatabase(config: Config, log: Logger, dataDir: string): Promise<DatabaseServer> {
  if (config.databaseUrl !== undefined) return await openDatabase(config, log);
  return await openEmbedded({ directory: join(dataDir, "postgres"), log });
}
