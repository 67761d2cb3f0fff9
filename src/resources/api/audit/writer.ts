import type { Logger } from "pino";
import type { Database } from "../../../db/database.js";
import { pause } from "../../../pause.js";
import { type AuditRow, auditStore } from "./store.js";

const batchSize = 500;
const maxQueued = 20_000;
const gatherMs = 5;
const attempts = 5;

/** Takes audit entries and writes them in batches. */
export interface AuditWriter {
  /** Queues an entry; throws when too many wait already. */
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
  let running: Promise<void> | undefined;

  const drain = async (): Promise<void> => {
    await pause(gatherMs);
    while (queue.length > 0) {
      const batch = queue.slice(0, batchSize);
      queue = queue.slice(batchSize);
      await insert(db, batch, log);
    }
    running = undefined;
  };

  return {
    write(entry) {
      if (queue.length >= maxQueued) throw new Error(`${maxQueued} audit entries wait to be written`);
      queue.push(entry);
      running ??= drain();
    },
    async close() {
      while (running !== undefined) await running;
    },
  };
}

async function insert(db: Database, batch: readonly AuditRow[], log: Logger): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await auditStore.insert(db, batch);
      return;
    } catch (err) {
      if (attempt === attempts) {
        log.error({ err, entries: batch.length }, "audit entries lost");
        return;
      }
      await pause(100 * 2 ** attempt);
    }
  }
}
