import { drizzle, type NodePgQueryResultHKT } from "drizzle-orm/node-postgres";
import type { PgDatabase } from "drizzle-orm/pg-core";
import pg from "pg";
import type { Logger } from "pino";
import { DomainError } from "../errors.js";
import { BoundedPool } from "./bounded-pool.js";

/** How the names of columns are spelled in the database. */
export const casing = "snake_case";

/** A connection or an open transaction: stores take either, on PostgreSQL and on the embedded database alike. */
export type Database = PgDatabase<NodePgQueryResultHKT, Record<string, never>>;

/** What a connection outside of the pool may do; unset timeouts mean none. */
export interface ConnectionOptions {
  /** Shown in pg_stat_activity, after the name of the application. */
  readonly name: string;
  readonly statementTimeoutMs?: number;
  readonly lockTimeoutMs?: number;
  /** How long to wait for an answer before the connection counts as dead. */
  readonly answerTimeoutMs?: number;
}

/** The database of this process. */
export interface DatabaseServer {
  readonly kind: "postgres" | "embedded";
  /** For what callers ask: DomainError "exhausted" when too many wait for a connection. */
  readonly db: Database;
  /** For the work of the process itself, which is never refused; it waits for the same connections. */
  readonly patient: Database;
  readonly pool: pg.Pool;
  /**
   * One connection beside the pool, for what must not wait until a pool that is in use is free. It is opened
   * when it is first used, stays, and is opened anew when it was lost.
   */
  readonly reserved: Database;
  /** A connection of its own, outside of the pool; the caller ends it. */
  connect(options: ConnectionOptions): Promise<pg.Client>;
  /** Throws DomainError "unavailable" unless the database answers before the signal aborts. */
  ping(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface PostgresOptions {
  readonly url: string;
  readonly poolSize: number;
  readonly applicationName: string;
  /** How many may wait for a connection of a full pool; no limit unless told. */
  readonly poolQueue?: number;
  /** How long to wait for a connection: from the server, or from a full pool. */
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
  readonly log: Logger;
}

/** Connects to a PostgreSQL server; nothing is sent until the first query. */
export function openPostgres(options: PostgresOptions): DatabaseServer {
  const base: pg.ClientConfig = {
    connectionString: options.url,
    connectionTimeoutMillis: options.connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  };
  const limited: pg.PoolConfig = {
    ...base,
    application_name: options.applicationName,
    statement_timeout: options.statementTimeoutMs,
    lock_timeout: options.statementTimeoutMs,
    idle_in_transaction_session_timeout: 2 * options.statementTimeoutMs,
    // The server's own timeout comes first, unless the connection is dead.
    query_timeout: options.statementTimeoutMs + 5_000,
  };
  return databaseServer({
    kind: "postgres",
    pool: new pg.Pool({ ...limited, max: options.poolSize }),
    single: new pg.Pool({ ...limited, max: 1, idleTimeoutMillis: 0 }),
    mostWaiting: options.poolQueue ?? 0,
    log: options.log,
    newClient: (connection) =>
      new pg.Client({
        ...base,
        application_name: `${options.applicationName} ${connection.name}`,
        statement_timeout: connection.statementTimeoutMs ?? false,
        ...(connection.lockTimeoutMs === undefined ? {} : { lock_timeout: connection.lockTimeoutMs }),
        ...(connection.answerTimeoutMs === undefined ? {} : { query_timeout: connection.answerTimeoutMs }),
      }),
    afterClose: async () => {},
  });
}

/** What PostgreSQL and the embedded database differ in. */
export interface ServerParts {
  readonly kind: DatabaseServer["kind"];
  readonly pool: pg.Pool;
  /** A pool of one connection. */
  readonly single: pg.Pool;
  /** How many callers may wait for a connection of the pool; 0 is no limit. */
  readonly mostWaiting: number;
  readonly log: Logger;
  readonly newClient: (options: ConnectionOptions) => pg.Client;
  readonly afterClose: () => Promise<void>;
}

/** Builds the server from its parts. */
export function databaseServer(parts: ServerParts): DatabaseServer {
  const { kind, pool, single, mostWaiting, log, newClient, afterClose } = parts;
  const bounded = new BoundedPool(pool, { mostWaiting, log });
  for (const each of [pool, single]) {
    each.on("error", (error) => log.warn({ reason: error.message }, "an idle database connection was lost"));
    // A connection that is lost in use fails its query; unheard, its error would end the process as well.
    each.on("connect", (client) => client.on("error", () => {}));
  }
  return {
    kind,
    // Drizzle asks no more of it than it has.
    db: drizzle({ client: bounded as unknown as pg.Pool, casing }),
    patient: drizzle({ client: pool, casing }),
    pool,
    reserved: drizzle({ client: single, casing }),
    async connect(options) {
      const client = newClient(options);
      // Without a listener a lost connection would end the process; queries on it fail anyway.
      client.on("error", (error) =>
        log.warn({ reason: error.message, connection: options.name }, "a database connection was lost"),
      );
      await client.connect();
      return client;
    },
    ping: (signal) => ping(pool, signal),
    async close() {
      await within(Promise.all([pool.end(), single.end()]), 5_000);
      await afterClose();
    },
  };
}

async function ping(pool: pg.Pool, signal: AbortSignal | undefined): Promise<void> {
  try {
    await untilAborted(pool.query("select 1"), signal);
  } catch (error) {
    throw new DomainError("unavailable", "the database does not answer", { cause: error });
  }
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** Waits for work that must not hold up the end of the process. */
async function within(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}
