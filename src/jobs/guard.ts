import type pg from "pg";
import type { Logger } from "pino";
import type { DatabaseServer } from "../db/database.js";
import { openLink } from "../db/link.js";

/** The sign of a living worker, and its watch over the jobs of dead ones. */
export interface Guard {
  /** Resolves once others can see that this worker lives: no job may be taken before. */
  held(): Promise<void>;
  release(): Promise<void>;
}

export interface GuardOptions {
  /** What graphile-worker writes into `locked_by`. */
  readonly workerId: string;
  readonly log: Logger;
  /** Called when others may take this worker for dead: what it runs must end. */
  readonly onLost: () => void;
}

/** Half of an advisory lock's key; the other half is the hash of the worker's id. */
const LOCK_CLASS = 7_541_331;
const SWEEP_MS = 2_000;
/** Shorter than a sweep, for a worker that two sweeps in a row do not see is dead to the others. */
const GRACE_MS = 1_500;

const DEAD_HOLDERS = `
  select distinct holder.id from (
    select locked_by as id from graphile_worker._private_jobs where locked_by is not null
    union all
    select locked_by from graphile_worker._private_job_queues where locked_by is not null
  ) holder
  where not exists (
    select 1 from pg_locks
    where locktype = 'advisory' and objsubid = 2 and granted
      and database = (select oid from pg_database where datname = current_database())
      and classid::bigint = $1 and objid::bigint = hashtext(holder.id)::bigint & 4294967295
  )`;

/**
 * Shows that a worker lives by an advisory lock, which the server drops with the
 * worker's connection, and frees the jobs of workers whose lock is gone.
 */
export async function openGuard(server: DatabaseServer, options: GuardOptions): Promise<Guard> {
  const { workerId, log, onLost } = options;
  let waiting: (() => void)[] = [];
  let suspects = new Set<string>();
  let grace: NodeJS.Timeout | undefined;
  let sweeps: NodeJS.Timeout | undefined;
  let released = false;

  function proceed(): void {
    for (const resolve of waiting) resolve();
    waiting = [];
  }

  const link = await openLink(server, {
    connection: { name: `worker ${workerId}`, statementTimeoutMs: 10_000, answerTimeoutMs: 10_000 },
    log,
    async prepare(client) {
      // A lost machine's connection must not seem to live for hours.
      if (server.kind === "postgres") {
        await client.query(
          "set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3",
        );
      }
      // Shared, for the server may still hold the lock for a connection that is lost here.
      await client.query("select pg_advisory_lock_shared($1, hashtext($2))", [LOCK_CLASS, workerId]);
    },
    onUp() {
      clearTimeout(grace);
      proceed();
    },
    onDown() {
      grace = setTimeout(onLost, GRACE_MS);
    },
  });

  async function sweep(client: pg.Client): Promise<void> {
    const { rows } = await client.query<{ id: string }>(DEAD_HOLDERS, [LOCK_CLASS]);
    const missing = rows.map((row) => row.id);
    // Nobody but this process can work on the embedded database.
    const dead = missing.filter((id) => suspects.has(id) || server.kind === "embedded");
    suspects = new Set(missing);
    if (dead.length === 0) return;
    await client.query("select graphile_worker.force_unlock_workers($1)", [dead]);
    await client.query(`select pg_notify('jobs:insert', '{"count":1}')`);
    log.warn({ workers: dead }, "took over the jobs of workers that are gone");
  }

  async function keepSweeping(): Promise<void> {
    try {
      if (link.client !== undefined) await sweep(link.client);
    } catch (error) {
      if (!released) link.reset(error instanceof Error ? error : new Error(String(error)));
    }
    if (!released) sweeps = setTimeout(keepSweeping, SWEEP_MS);
  }
  void keepSweeping();

  return {
    held: () => (released || link.client !== undefined ? Promise.resolve() : new Promise((go) => waiting.push(go))),
    async release() {
      released = true;
      clearTimeout(sweeps);
      clearTimeout(grace);
      proceed();
      // On the embedded database the lock would outlive the connection.
      await link.client
        ?.query("select pg_advisory_unlock_shared($1, hashtext($2))", [LOCK_CLASS, workerId])
        .catch(() => {});
      await link.close().catch(() => {});
    },
  };
}
