import type { Logger } from "pino";
import type { Address, Config } from "../config.js";
import { openPlatform } from "../process.js";
import { serveApi, serveMetrics, urlOf } from "./api.js";
import { type Closing, closeInTurn } from "./closing.js";
import { type Running, warnOfDefaults } from "./run.js";
import { serviceAccountKubeconfig } from "./service-account.js";
import { demandSettings, demandUsable, openDatabase } from "./settings.js";

/** A server of the API, and where it is. */
export interface RunningServer extends Running {
  readonly address: Address;
  /** Where its metrics are served; undefined where that is left to others. */
  readonly metricsPort: number | undefined;
}

/** Makes the metrics of a process known; instruments that were declared before count nothing. */
export type TellMetrics = (config: Config) => Promise<{ readonly port?: number; close(): Promise<void> }>;

/** The API on PostgreSQL and Kubernetes; jobs are done by `slipway worker`. */
export async function serve(
  config: Config,
  log: Logger,
  tellMetrics: TellMetrics = serveMetrics,
): Promise<RunningServer> {
  const closing = closeInTurn(log);
  let address = config.listen;
  let metricsPort: number | undefined;
  const running = await closing.guard(async () => {
    const { server, open } = await openProcess(config, log, closing);
    const metrics = await tellMetrics(config);
    metricsPort = metrics.port;
    closing.add(() => metrics.close());
    const api = await serveApi(open, server, config, config.listen);
    address = api.address;
    closing.add(() => api.stop());
  });
  return { ...running, address, metricsPort };
}

/** `slipway serve` in one process. */
export async function serveAlone(config: Config, log: Logger): Promise<Running> {
  const running = await serve(config, log);
  log.info({ ...running.address, metrics: running.metricsPort }, "serving");
  warnOfDefaults(config, log);
  return running;
}

/** Opens what the API and the worker use alike, on a database that is fit for it. */
export async function openProcess(config: Config, log: Logger, closing: Closing) {
  demandSettings(config, ["databaseUrl", "keyring"]);
  const server = await openDatabase(config, log);
  closing.add(() => server.close());
  await demandUsable(server, config);
  const open = await openPlatform({
    ...config,
    server,
    log,
    issuer: () => issuerOf(config),
    kubeconfig: config.kubeconfig ?? serviceAccountKubeconfig(process.env),
  });
  closing.add(() => open.close());
  return { server, open };
}

/** The issuer of the tokens: the configured public URL, or where the server listens. */
export function issuerOf(config: Config): string {
  return config.publicUrl ?? urlOf(config.listen, config.tls !== undefined);
}
