import type { Logger } from "pino";
import { startBackground } from "../background.js";
import type { Config } from "../config.js";
import { type DatabaseServer, openPostgres } from "../db/database.js";
import { migrate, pendingMigrations } from "../db/migrate.js";
import { openPlatform } from "../process.js";
import { startMetricsServer } from "../rpc/metrics-server.js";
import { serveApi, urlOf } from "./api.js";

/** A part of the program that runs until it is stopped. */
export interface Running {
  stop(): Promise<void>;
}

/** `slipway serve`: the API on PostgreSQL and Kubernetes; jobs are done by `slipway worker`. */
export async function serve(config: Config, log: Logger): Promise<Running> {
  const closing = closeInTurn(log);
  return closing.guard(async () => {
    const { server, open } = await openProcess(config, log, closing);
    const metrics = await startMetricsServer(config.metricsListen);
    closing.add(() => metrics.close());
    const api = await serveApi(open, server, config, config.listen);
    closing.add(() => api.stop());
    log.info({ ...api.address, metrics: metrics.port }, "serving");
  });
}

/** `slipway worker`: jobs and controllers, without the API. */
export async function work(config: Config, log: Logger): Promise<Running> {
  const closing = closeInTurn(log);
  return closing.guard(async () => {
    const { server, open } = await openProcess(config, log, closing);
    const metrics = await startMetricsServer(config.metricsListen);
    closing.add(() => metrics.close());
    const background = await startBackground(open.platform, server, { concurrency: config.workerConcurrency });
    closing.add(() => background.stop());
    log.info({ metrics: metrics.port }, "working");
  });
}

/** `slipway migrate`: brings the schema of the database up to date. */
export async function migrateDatabase(config: Config, log: Logger): Promise<void> {
  const server = openDatabase(config, log);
  try {
    await migrate(server, log);
  } finally {
    await server.close();
  }
}

/** Opens PostgreSQL as configured; throws when it is not. */
export function openDatabase(config: Config, log: Logger): DatabaseServer {
  if (config.databaseUrl === undefined) {
    throw new Error(
      "DATABASE_URL is not set: it names the PostgreSQL database, as in postgres://user@host:5432/slipway",
    );
  }
  return openPostgres({
    url: config.databaseUrl,
    poolSize: config.databasePoolSize,
    applicationName: "slipway",
    connectTimeoutMs: 5_000,
    statementTimeoutMs: 15_000,
    log,
  });
}

async function openProcess(config: Config, log: Logger, closing: Closing) {
  const server = openDatabase(config, log);
  closing.add(() => server.close());
  const pending = await pendingMigrations(server);
  if (pending.length > 0) {
    throw new Error(`the database lacks ${pending.length} migrations (${pending.join(", ")}): run slipway migrate`);
  }
  const open = await openPlatform({
    server,
    log,
    keyring: config.keyring,
    issuer: () => issuerOf(config),
    kubeconfig: config.kubeconfig,
    assetsFile: config.assetsFile,
    partitionsFile: config.partitionsFile,
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
