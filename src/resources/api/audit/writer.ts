import type { Logger } from "pino";
import type { Database } from "../../../db/database.js";
import { databaseError } from "../../../db/errors.js";
import { pause } from "../../../pause.js";
import { type AuditRow, auditStore } from "./store.js";

const batchSize = 500;
const maxQueuedBytes = 64 * 1024 * 1024;
const gatherMs = 5;
const attempts = 5;
/** What an entry costs beside its body. */
const entryBytes = 1_024;

/** Takes audit entries and writes them in batches. */
export interface AuditWriter {
  /** Queues an entry; throws when too much waits already. */
  write(entry: AuditRow): void;
  /** Writes what waits. */
  close(): Promise<void>;
}

/**
 * At most one insert at a time, each with all that came within 5 ms or while
 * the last one ran. A batch that cannot be written is tried again, then logged
 * as lost: calls never wait for it.
 */
export function createAuditWriter(db: Database, log: Logger): AuditWriter {
  let queue: AuditRow[] = [];
  let queuedBytes = 0;
  let running: Promise<void> | undefined;

  const drain = async (): Promise<void> => {
    await pause(gatherMs);
    while (queue.length > 0) {
      const batch = queue.slice(0, batchSize);
      queue = queue.slice(batchSize);
      await insert(db, batch, log);
      for (const entry of batch) queuedBytes -= sizeOf(entry);
    }
    running = undefined;
  };

  return {
    write(entry) {
      if (queuedBytes > maxQueuedBytes) throw new Error(`${queue.length} audit entries wait to be written`);
      queuedBytes += sizeOf(entry);
      queue.push(entry);
      running ??= drain();
    },
    async close() {
      while (running !== undefined) await running;
    },
  };
}

const sizeOf = (entry: AuditRow): number => entryBytes + 2 * (entry.body?.length ?? 0);

/** Writes a batch. One that the database refuses is halved, so that a bad entry costs only itself. */
async function insert(db: Database, batch: readonly AuditRow[], log: Logger): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await auditStore.insert(db, batch);
      return;
    } catch (err) {
      const isAway = databaseError(err)?.kind === "unavailable";
      if (!isAway && batch.length > 1) {
        const half = Math.ceil(batch.length / 2);
        await insert(db, batch.slice(0, half), log);
        await insert(db, batch.slice(half), log);
        return;
      }
      if (!isAway || attempt === attempts) {
        log.error({ err, entries: batch.length }, "audit entries lost");
        return;
      }
      await pause(100 * 2 ** attempt);
    }
  }
}
