import type { Logger } from "pino";
import { type App, createApp } from "../app.js";
import type { Address, Config } from "../config.js";
import type { DatabaseServer } from "../db/database.js";
import type { OpenPlatform } from "../process.js";
import { type MetricsServer, startMetricsServer } from "../processes/metrics-server.js";
import { createLifecycle } from "../rpc/drain.js";
import { listen } from "../rpc/listen.js";
import { listenOn, textOf } from "./addresses.js";
import { readTls } from "./settings.js";

const pingIntervalMs = 2_000;
const pingTimeoutMs = 2_000;
const dropLineMs = 10_000;

/** A server of the API that takes calls. */
export interface RunningApi {
  readonly address: Address;
  /** Not ready, streams ended, calls finished, port closed. */
  stop(): Promise<void>;
}

/** Serves the API on an address, and keeps its readiness true to the database; it is not ready before `prepare` is done. */
export async function serveApi(
  open: OpenPlatform,
  server: DatabaseServer,
  config: Config,
  address: Address,
  prepare: (bound: Address) => Promise<void> = async () => {},
): Promise<RunningApi> {
  const lifecycle = createLifecycle();
  const app: App = createApp(open.platform, open.principals, config, lifecycle);
  const tls = await readTls(config);
  const { maxConnections, maxConnectionsPerNetwork, trustedProxies } = config;
  const onDrop = logDrops(open.platform.log);
  const options = { ...address, tls, maxConnections, maxConnectionsPerNetwork, trustedProxies, onDrop };
  const listener = await listenOn("SLIPWAY_LISTEN", address, () => listen(app.handler, options));
  const bound = { host: address.host, port: listener.port };
  let watch: { stop(): void } | undefined;
  const stop = async (): Promise<void> => {
    watch?.stop();
    await lifecycle.drain(listener, { graceMs: config.shutdownGraceMs });
    await app.close();
  };
  try {
    await prepare(bound);
  } catch (error) {
    await stop();
    throw error;
  }
  watch = watchDatabase(server, (answers) => lifecycle.setReady(answers));
  return { address: bound, stop };
}

/** Writes a line of connections that were dropped, at most one in a while: whoever causes them must not fill the log. */
function logDrops(log: Logger): (address: string) => void {
  let dropped = 0;
  let quietUntil = 0;
  return (address) => {
    dropped += 1;
    if (performance.now() < quietUntil) return;
    log.warn({ address, dropped }, "connections are dropped: there are too many, of this address or in all");
    quietUntil = performance.now() + dropLineMs;
    dropped = 0;
  };
}

/** Tells whether the database answers, now and every two seconds. */
function watchDatabase(server: DatabaseServer, tell: (answers: boolean) => void): { stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const check = async (): Promise<void> => {
    const answers = await server.ping(AbortSignal.timeout(pingTimeoutMs)).then(
      () => true,
      () => false,
    );
    if (stopped) return;
    tell(answers);
    timer = setTimeout(check, pingIntervalMs);
  };
  void check();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** Serves /metrics on its own address. */
export function serveMetrics({ metricsListen }: Pick<Config, "metricsListen">): Promise<MetricsServer> {
  return listenOn("SLIPWAY_METRICS_LISTEN", metricsListen, () => startMetricsServer(metricsListen));
}

/** The URL that callers of an address use. */
export function urlOf(address: Address, tls: boolean): string {
  return `${tls ? "https" : "http"}://${textOf(address)}`;
}
