import type { Logger } from "pino";
import { pause } from "../pause.js";
import type { DatabaseServer } from "./database.js";
import { withoutValues } from "./errors.js";

/** How often a process that waits asks whether it is its turn. */
const retryMs = 2_000;
/** How often the one whose turn it is checks that its lock still stands. */
const checkMs = 2_000;
/** How long the end of the connection may take; a server that is out of reach never answers it. */
const endMs = 1_000;

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
      else await withLock(server, name, work, options);
    } catch (error) {
      log.error({ err: withoutValues(error), work: name }, "exclusive work failed");
    }
    await pause(retryMs, signal);
  }
}

async function withLock(
  server: DatabaseServer,
  name: string,
  work: (signal: AbortSignal) => Promise<void>,
  { signal, log }: { readonly signal: AbortSignal; readonly log: Logger },
): Promise<void> {
  const client = await server.connect({ name, statementTimeoutMs: 5_000, answerTimeoutMs: 5_000 });
  // Ends with the caller's signal, and with the connection.
  const turn = new AbortController();
  const end = (): void => turn.abort();
  signal.addEventListener("abort", end, { once: true });
  client.once("error", end);
  client.once("end", end);
  const check = setInterval(() => client.query("select 1").catch(end), checkMs);
  try {
    if (signal.aborted) end();
    // The server must not hold the lock for hours for a machine that is gone.
    await client.query("set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3");
    if (await tryLock(client, name, turn.signal)) {
      log.info({ work: name }, "exclusive work begins here");
      await work(turn.signal);
    }
  } finally {
    clearInterval(check);
    signal.removeEventListener("abort", end);
    // Ending the session frees the lock.
    await Promise.race([client.end().catch(() => {}), pause(endMs)]);
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
