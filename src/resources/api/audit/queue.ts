import { DomainError } from "../../../errors.js";
import type { AuditRow } from "./store.js";

const maxQueuedBytes = 64 * 1024 * 1024;
/** The room that entries take for which no call waits: a flood of refusals must not keep others from calling. */
const maxBehindBytes = 48 * 1024 * 1024;
const batchSize = 500;
/** What an entry costs beside its body. */
const entryBytes = 1_024;

/** An entry on its way into the database, and whoever wants to hear of it. */
export interface Waiting {
  readonly entry: AuditRow;
  /** Whether a call waits for it. */
  readonly ahead: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The audit entries that wait to be written, those first that calls wait for, and else in the order in which
 * they came. Never more than fit into 64 MiB, of which a quarter is for those that calls wait for.
 */
export interface AuditQueue {
  /** Settles with the entry; rejects at once when there is no room. */
  add(entry: AuditRow, ahead: boolean): Promise<void>;
  /** Takes a batch out: of all entries, or of those alone that calls wait for. */
  take(aheadOnly: boolean): Waiting[];
  /** Puts entries that no call waits for back to the front of their like. */
  putBack(entries: readonly Waiting[]): void;
  /** Gives the room of entries free. */
  free(entries: readonly Waiting[]): void;
  readonly isEmpty: boolean;
  /** Whether a call waits for any of them. */
  readonly hasAhead: boolean;
}

/** Makes an empty queue. */
export function createAuditQueue(): AuditQueue {
  const ahead: Waiting[] = [];
  let behind: Waiting[] = [];
  let queuedBytes = 0;
  return {
    add(entry, isAhead) {
      if (queuedBytes > (isAhead ? maxQueuedBytes : maxBehindBytes)) {
        return Promise.reject(new DomainError("unavailable", "too many audit entries wait to be written"));
      }
      queuedBytes += sizeOf(entry);
      return new Promise<void>((resolve, reject) => {
        (isAhead ? ahead : behind).push({ entry, ahead: isAhead, resolve, reject });
      });
    },
    take(aheadOnly) {
      const batch = ahead.splice(0, batchSize);
      return aheadOnly ? batch : [...batch, ...behind.splice(0, batchSize - batch.length)];
    },
    putBack(entries) {
      if (entries.length > 0) behind = [...entries, ...behind];
    },
    free(entries) {
      for (const { entry } of entries) queuedBytes -= sizeOf(entry);
    },
    get isEmpty() {
      return ahead.length + behind.length === 0;
    },
    get hasAhead() {
      return ahead.length > 0;
    },
  };
}

const sizeOf = (entry: AuditRow): number => entryBytes + 2 * (entry.body?.length ?? 0);
