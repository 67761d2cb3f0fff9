import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { PGlite, type PGliteOptions } from "@electric-sql/pglite";
import pg from "pg";
import type { Logger } from "pino";
import { type DatabaseServer, databaseServer } from "./database.js";
import { lockDirectory } from "./directory-lock.js";
import { ensureFiles } from "./embedded-files.js";
import { embeddedSessions } from "./embedded-sessions.js";

export interface EmbeddedOptions {
  /** Where the data lives; undefined keeps it in memory. */
  readonly directory: string | undefined;
  readonly log: Logger;
  /** A dump to start an in-memory database from, as `dump` of an earlier one gave it. */
  readonly snapshot?: Blob;
}

/** A database in this process. */
export interface EmbeddedServer extends DatabaseServer {
  /** The whole database, as a tar file. */
  dump(): Promise<Blob>;
}

const mostWaiting = 1_000;
const WAIT_MS = 30_000;
const IDLE_IN_TRANSACTION_MS = 60_000;

/** Opens the embedded database; throws if another process uses the directory, naming both. */
export async function openEmbedded({ directory, log, snapshot }: EmbeddedOptions): Promise<EmbeddedServer> {
  if (directory === undefined) {
    const options: PGliteOptions = snapshot === undefined ? {} : { loadDataDir: snapshot };
    return serve(await PGlite.create(options), log, async () => {});
  }
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const lock = await lockDirectory(directory);
  try {
    const data = join(directory, "data");
    await ensureFiles(data);
    const database = await PGlite.create({ dataDir: data });
    return serve(database, log, lock.release);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function serve(database: PGlite, log: Logger, release: () => Promise<void>): EmbeddedServer {
  const sessions = embeddedSessions(database, { waitMs: WAIT_MS, idleInTransactionMs: IDLE_IN_TRANSACTION_MS }, log);
  const config = { stream: () => sessions.open(), user: "postgres", database: "postgres", ssl: false };
  // Sessions cost next to nothing here, and one that stays keeps its prepared statements.
  const lasting = { ...config, idleTimeoutMillis: 0, connectionTimeoutMillis: 10_000 };
  const server = databaseServer({
    kind: "embedded",
    pool: new pg.Pool({ ...lasting, max: 16 }),
    single: new pg.Pool({ ...lasting, max: 1 }),
    mostWaiting,
    log,
    newClient: () => new pg.Client(config),
    async afterClose() {
      await sessions.close();
      await database.close();
      await release();
    },
  });
  return { ...server, dump: () => database.dumpDataDir("none") };
}
