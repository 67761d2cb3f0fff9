import type { Logger } from "pino";
import type { DatabaseServer } from "./database.js";

/** How often a process that waits asks whether it is its turn. */
const retryMs = 2_000;
/** How often the one whose turn it is checks that its lock still stands. */
const checkMs = 2_000;

/**
 * Runs work in one process of all that share the database, until the signal
 * aborts. The lock is held by a connection of its own: when that is lost, the
 * work is stopped and another process takes over.
 */
export async function runExclusively(
  server: DatabaseServer,
  name: string,
  work: (signal: AbortSignal) => Promise<void>,
  options: { readonly signal: AbortSignal; readonly log: Logger },
): Promise<void> {
  const { signal, log } = options;
  while (!signal.aborted) {
    try {
      // The embedded database has one process, and one session in which every lock is free.
      if (server.kind === "embedded") await work(signal);
      else await withLock(server, name, work, signal);
    } catch (err) {
      log.error({ err, work: name }, "exclusive work failed");
    }
    await pause(retryMs, signal);
  }
}

async function withLock(
  server: DatabaseServer,
  name: string,
  work: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const client = await server.connect({ name, statementTimeoutMs: 5_000, answerTimeoutMs: 5_000 });
  const lost = new AbortController();
  client.once("error", () => lost.abort());
  client.once("end", () => lost.abort());
  const check = setInterval(() => client.query("select 1").catch(() => lost.abort()), checkMs);
  try {
    if (await tryLock(client, name, AbortSignal.any([signal, lost.signal]))) {
      await work(AbortSignal.any([signal, lost.signal]));
    }
  } finally {
    clearInterval(check);
    // Ending the session frees the lock.
    await client.end().catch(() => {});
  }
}

async function tryLock(
  client: { query(text: string, values: unknown[]): Promise<{ rows: { locked: boolean }[] }> },
  name: string,
  signal: AbortSignal,
): Promise<boolean> {
  while (!signal.aborted) {
    const { rows } = await client.query("select pg_try_advisory_lock(hashtextextended($1, 0)) as locked", [name]);
    if (rows[0]?.locked === true) return true;
    await pause(retryMs, signal);
  }
  return false;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
