import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import pino from "pino";
import { type DatabaseServer, openPostgres } from "../../src/db/database.js";
import { openEmbedded } from "../../src/db/embedded.js";
import { migrate, migrationsFolder } from "../../src/db/migrate.js";

/** A migrated database for one test file. */
export interface TestDatabase {
  readonly server: DatabaseServer;
  /** Its URL for other processes; undefined for the embedded database. */
  readonly url: string | undefined;
  close(): Promise<void>;
}

/** Where the real PostgreSQL is, if there is one. */
export const postgresUrl: string | undefined = process.env.TEST_DATABASE_URL || undefined;

/** Why a test that needs a real PostgreSQL is skipped. */
export const needsPostgres = "needs a real PostgreSQL: set TEST_DATABASE_URL";

const log = pino({ level: process.env.TEST_LOG_LEVEL ?? "silent" });
const PREFIX = "slipway_test_";
const LOCK = 7_541_330;
const LEFTOVER_MS = 3_600_000;

/** A new migrated database: on the server of TEST_DATABASE_URL, or else embedded and in memory. */
export async function openTestDatabase(): Promise<TestDatabase> {
  return postgresUrl === undefined ? openInMemory() : openOnServer(postgresUrl);
}

/** An empty database that nothing has migrated yet, on the server of TEST_DATABASE_URL. */
export async function openEmptyDatabase(url: string): Promise<TestDatabase> {
  return createDatabase(url, undefined);
}

/** A server on an existing test database, as a second process would open it. */
export function openAgain(url: string, poolSize = 5): DatabaseServer {
  return openPostgres({
    url,
    poolSize,
    applicationName: "slipway test",
    connectTimeoutMs: 10_000,
    statementTimeoutMs: 10_000,
    log,
  });
}

async function openOnServer(url: string): Promise<TestDatabase> {
  return createDatabase(url, await ensureTemplate(url));
}

async function createDatabase(url: string, template: string | undefined): Promise<TestDatabase> {
  const name = `${PREFIX}${Date.now()}_${Math.random().toString(36).slice(2, 10)}`;
  await onServer(url, (admin) => admin.query(`create database ${name} template ${template ?? "template1"}`));
  const own = databaseUrl(url, name);
  const server = openAgain(own);
  return {
    server,
    url: own,
    async close() {
      await server.close();
      await onServer(url, (admin) => admin.query(`drop database if exists ${name} with (force)`));
    },
  };
}

/** Migrates one database per state of the migrations; test files copy it, which takes a twentieth of the time. */
async function ensureTemplate(url: string): Promise<string> {
  const name = `slipway_template_${await migrationsHash()}`;
  await onServer(url, async (admin) => {
    await admin.query("select pg_advisory_lock($1)", [LOCK]);
    const { rowCount } = await admin.query("select 1 from pg_database where datname = $1", [name]);
    if (rowCount !== 0) return;
    await dropLeftovers(admin);
    const unfinished = `${name}_unfinished`;
    await admin.query(`drop database if exists ${unfinished} with (force)`);
    await admin.query(`create database ${unfinished}`);
    const server = openAgain(databaseUrl(url, unfinished), 2);
    try {
      await migrate(server, log);
    } finally {
      await server.close();
    }
    await admin.query(`alter database ${unfinished} rename to ${name}`);
  });
  return name;
}

/** Drops the databases of runs that were killed over an hour ago. */
async function dropLeftovers(admin: pg.Client): Promise<void> {
  const { rows } = await admin.query<{ datname: string }>("select datname from pg_database where datname like $1", [
    `${PREFIX.replaceAll("_", "\\_")}%`,
  ]);
  for (const { datname } of rows) {
    const created = Number(datname.slice(PREFIX.length).split("_")[0]);
    if (created < Date.now() - LEFTOVER_MS) await admin.query(`drop database if exists "${datname}" with (force)`);
  }
}

/** Runs on the maintenance database; the connection's end releases its advisory locks. */
async function onServer<T>(url: string, work: (admin: pg.Client) => Promise<T>): Promise<T> {
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

function databaseUrl(url: string, database: string): string {
  const own = new URL(url);
  own.pathname = `/${database}`;
  return own.toString();
}

async function openInMemory(): Promise<TestDatabase> {
  const server = await openEmbedded({ directory: undefined, log, snapshot: await ensureSnapshot() });
  return { server, url: undefined, close: () => server.close() };
}

/** A dump of a migrated embedded database, kept beside the packages: loading it takes a tenth of initdb. */
async function ensureSnapshot(): Promise<Blob> {
  const folder = join(migrationsFolder(), "..", "node_modules", ".cache", "slipway");
  const file = join(folder, `${await migrationsHash()}.tar`);
  if (!existsSync(file)) {
    const server = await openEmbedded({ directory: undefined, log });
    await migrate(server, log);
    const dump = await server.dump();
    await server.close();
    await mkdir(folder, { recursive: true });
    const unfinished = `${file}.${process.pid}`;
    await writeFile(unfinished, Buffer.from(await dump.arrayBuffer()));
    await rename(unfinished, file);
  }
  return new Blob([await readFile(file)]);
}

/** Changes with the migrations and with the packages that bring tables or the database itself. */
async function migrationsHash(): Promise<string> {
  const hash = createHash("sha256");
  const root = join(migrationsFolder(), "..");
  const names = (await readdir(migrationsFolder())).filter((name) => name.endsWith(".sql")).sort();
  for (const name of names) hash.update(name).update(await readFile(join(migrationsFolder(), name)));
  hash.update(await readFile(join(migrationsFolder(), "meta", "_journal.json")));
  const { dependencies } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  for (const name of ["graphile-worker", "drizzle-orm", "@electric-sql/pglite"])
    hash.update(String(dependencies[name]));
  return hash.digest("hex").slice(0, 16);
}
