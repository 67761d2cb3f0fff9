import type pg from "pg";
import type { Logger } from "pino";
import type { ConnectionOptions, DatabaseServer } from "./database.js";

export interface LinkOptions {
  readonly connection: ConnectionOptions;
  readonly log: Logger;
  /** Makes each new connection ready for use; a failure counts as a lost connection. */
  readonly prepare: (client: pg.Client) => Promise<unknown>;
  /** Called when a connection is ready, the first time and after each loss. */
  readonly onUp?: () => void;
  readonly onDown?: (error: Error) => void;
}

/** A connection outside of the pool that is opened anew whenever it is lost. */
export interface Link {
  /** The connection that is ready now; undefined while there is none. */
  readonly client: pg.Client | undefined;
  /** Gives up a connection that does not answer, so that a new one is opened. */
  reset(error: Error): void;
  close(): Promise<void>;
}

const FIRST_DELAY_MS = 50;
const LAST_DELAY_MS = 5_000;

/** Opens a link. Throws if the first connection fails; afterwards it tries again, ever more slowly, until it is closed. */
export async function openLink(server: Pick<DatabaseServer, "connect">, options: LinkOptions): Promise<Link> {
  const { log, connection } = options;
  let client: pg.Client | undefined;
  let closed = false;
  let failures = 0;
  let retry: NodeJS.Timeout | undefined;

  async function open(): Promise<void> {
    const fresh = await server.connect(connection);
    let lost: Error | undefined;
    const onLoss = (error: Error): void => {
      lost ??= error;
      if (client === fresh) lose(error);
    };
    fresh.once("error", onLoss);
    fresh.once("end", () => onLoss(new Error("the connection ended")));
    try {
      await options.prepare(fresh);
      if (lost !== undefined) throw lost;
      if (closed) throw new Error("the link was closed");
    } catch (error) {
      discard(fresh);
      throw error;
    }
    client = fresh;
    failures = 0;
    options.onUp?.();
  }

  function lose(error: Error): void {
    if (client !== undefined) discard(client);
    client = undefined;
    if (closed) return;
    options.onDown?.(error);
    again();
  }

  function again(): void {
    const delay = Math.min(LAST_DELAY_MS, FIRST_DELAY_MS * 2 ** failures) * (0.5 + Math.random() / 2);
    failures += 1;
    retry = setTimeout(() => {
      open().catch((error: Error) => {
        if (closed) return;
        log.warn({ reason: error.message, connection: connection.name }, "no database connection; trying again");
        again();
      });
    }, delay);
  }

  await open();
  return {
    get client() {
      return client;
    },
    reset(error) {
      if (client !== undefined) lose(error);
    },
    async close() {
      closed = true;
      clearTimeout(retry);
      await client?.end();
      client = undefined;
    },
  };
}

/** Closes a connection without waiting for a server that may not answer. */
function discard(client: pg.Client): void {
  client.end().catch(() => {});
}
