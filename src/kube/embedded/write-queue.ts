import { StatusError } from "./status-error.js";

/** Runs pieces of work one after the other. */
export interface WriteQueue {
  /** Answers what the work answers; 429 when too much is waiting, 503 after `close`. */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** Refuses new work and waits for what was accepted. */
  close(): Promise<void>;
}

const longestQueue = 10_000;

/** Makes an empty queue. */
export function createWriteQueue(): WriteQueue {
  let tail: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  let closed = false;
  return {
    run(work) {
      if (closed) return Promise.reject(new StatusError(503, "ServiceUnavailable", "the server is shutting down"));
      if (waiting >= longestQueue) {
        const details = { retryAfterSeconds: 1 };
        return Promise.reject(new StatusError(429, "TooManyRequests", "too many writes are waiting", details));
      }
      waiting += 1;
      const result = tail.then(work).finally(() => {
        waiting -= 1;
      });
      tail = result.catch(() => undefined);
      return result;
    },
    async close() {
      closed = true;
      await tail;
    },
  };
}
