import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { migrate as applyMigrations } from "drizzle-orm/node-postgres/migrator";
import type { Logger } from "pino";
import type { DatabaseServer } from "./database.js";

/** Any number that no other program locks in the same database. */
const LOCK = 7_541_329;
const WAIT_FOR_OTHERS_MS = 300_000;
const STATEMENT_TIMEOUT_MS = 600_000;

/**
 * Brings the schema up to date: our migrations and the job queue's. Replicas may
 * call it at once: one works, the others wait up to five minutes and find nothing left to do.
 */
export async function migrate(server: DatabaseServer, log: Logger): Promise<void> {
  // Loaded here and not before: servers only look whether there is anything to do.
  const { runMigrations } = await import("graphile-worker");
  const client = await server.connect({
    name: "migrate",
    lockTimeoutMs: WAIT_FOR_OTHERS_MS,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
  try {
    await client.query("select pg_advisory_lock($1)", [LOCK]);
    const pending = await pendingMigrations(server);
    await applyMigrations(drizzle({ client, casing: "snake_case" }), { migrationsFolder: migrationsFolder() });
    await runMigrations({ pgPool: server.pool });
    if (pending.length > 0) log.info({ migrations: pending }, "database schema migrated");
  } finally {
    // On the embedded database the lock would outlive the connection.
    await client.query("select pg_advisory_unlock($1)", [LOCK]).catch(() => {});
    await client.end();
  }
}

/** The names of the migrations that the database still needs, in order; empty when the schema is up to date. */
export async function pendingMigrations(server: DatabaseServer): Promise<string[]> {
  const { rows } = await server.db.execute<{ ours: boolean; jobs: boolean }>(sql`
    select to_regclass('drizzle.__drizzle_migrations') is not null as ours,
           to_regclass('graphile_worker._private_jobs') is not null as jobs`);
  const latest = rows[0]?.ours === true ? await latestApplied(server) : -1;
  const ours = journal()
    .entries.filter((entry) => entry.when > latest)
    .map((entry) => entry.tag);
  return rows[0]?.jobs === true ? ours : [...ours, "job queue"];
}

/** drizzle-kit's list of the migrations; one is applied when it is newer (`when`, in ms) than the newest applied. */
function journal(): { entries: { tag: string; when: number }[] } {
  return JSON.parse(readFileSync(join(migrationsFolder(), "meta", "_journal.json"), "utf8"));
}

async function latestApplied(server: DatabaseServer): Promise<number> {
  const { rows } = await server.db.execute<{ latest: string | null }>(
    sql`select max(created_at) as latest from drizzle.__drizzle_migrations`,
  );
  return Number(rows[0]?.latest ?? -1);
}

/** The folder migrations/ beside the nearest package.json above this file, be it in src/ or dist/src/. */
export function migrationsFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error("no package.json above the program: the migrations cannot be found");
    folder = parent;
  }
  return join(folder, "migrations");
}
