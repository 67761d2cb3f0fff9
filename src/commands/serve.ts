import type { Logger } from "pino";
import { startBackground } from "../background.js";
import type { Config } from "../config.js";
import { migrate } from "../db/migrate.js";
import { openPlatform } from "../process.js";
import { serveApi, serveMetrics, urlOf } from "./api.js";
import { demandSettings, demandUsable, openDatabase } from "./settings.js";

/** A part of the program that runs until it is stopped. */
export interface Running {
  stop(): Promise<void>;
}

/** `slipway serve`: the API on PostgreSQL and Kubernetes; jobs are done by `slipway worker`. */
export async function serve(config: Config, log: Logger): Promise<Running> {
  const closing = closeInTurn(log);
  return closing.guard(async () => {
    const { server, open } = await openProcess(config, log, closing);
    const metrics = await serveMetrics(config);
    closing.add(() => metrics.close());
    const api = await serveApi(open, server, config, config.listen);
    closing.add(() => api.stop());
    log.info({ ...api.address, metrics: metrics.port }, "serving");
    warnOfDefaults(config, log);
  });
}

/** `slipway worker`: jobs and controllers, without the API. */
export async function work(config: Config, log: Logger): Promise<Running> {
  const closing = closeInTurn(log);
  return closing.guard(async () => {
    const { server, open } = await openProcess(config, log, closing);
    const metrics = await serveMetrics(config);
    closing.add(() => metrics.close());
    const background = await startBackground(open.platform, server, { concurrency: config.workerConcurrency });
    closing.add(() => background.stop());
    log.info({ metrics: metrics.port }, "working");
    warnOfDefaults(config, log);
  });
}

/** `slipway migrate`: brings the schema of the database up to date. */
export async function migrateDatabase(config: Config, log: Logger): Promise<void> {
  const server = await openDatabase(config, log);
  try {
    await migrate(server, log);
  } finally {
    await server.close();
  }
}

/** What a new installation easily forgets. */
function warnOfDefaults(config: Config, log: Logger): void {
  if (config.partitionsFile !== undefined) return;
  log.warn("SLIPWAY_PARTITIONS_FILE is not set: clusters are ordered as from the simulated Gardener of slipway dev");
}

async function openProcess(config: Config, log: Logger, closing: Closing) {
  demandSettings(config, ["databaseUrl", "keyring"]);
  const server = await openDatabase(config, log);
  closing.add(() => server.close());
  await demandUsable(server, config);
  const open = await openPlatform({
    ...config,
    server,
    log,
    issuer: () => issuerOf(config),
  });
  closing.add(() => open.close());
  return { server, open };
}

/** The issuer of the tokens: the configured public URL, or where the server listens. */
export function issuerOf(config: Config): string {
  return config.publicUrl ?? urlOf(config.listen, config.tls !== undefined);
}

/** What was opened, to be closed in the opposite order. */
export interface Closing {
  add(close: () => Promise<void>): void;
  /** Runs the start; when it fails, what it opened is closed again. */
  guard(start: () => Promise<void>): Promise<Running>;
}

/** Collects what is to be closed; a failure to close one thing does not keep the others open. */
export function closeInTurn(log: Logger): Closing {
  const closers: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
      await close().catch((err: unknown) => log.error({ err }, "closing failed"));
    }
  };
  return {
    add: (close) => void closers.push(close),
    async guard(start) {
      try {
        await start();
        return { stop };
      } catch (error) {
        await stop();
        throw error;
      }
    },
  };
}
