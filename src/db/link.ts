import type pg from "pg";
import type { Logger } from "pino";
import type { ConnectionOptions, DatabaseServer, Subscription } from "./database.js";

export interface LinkOptions {
  readonly connection: ConnectionOptions;
  readonly log: Logger;
  /** Prepares each new connection; a failure counts as a lost connection. */
  readonly onUp: (client: pg.Client) => Promise<void>;
  readonly onDown?: (error: Error) => void;
}

/** A connection that is opened anew whenever it is lost. */
export interface Link {
  /** The connection that is up now. */
  readonly client: pg.Client | undefined;
  /** Gives up a connection that does not answer, so that a new one is opened. */
  reset(error: Error): void;
  close(): Promise<void>;
}

const FIRST_DELAY_MS = 50;
const LAST_DELAY_MS = 5_000;

/** Opens a link; throws if the first connection fails, afterwards it tries again until it is closed. */
export async function openLink(server: Pick<DatabaseServer, "connect">, options: LinkOptions): Promise<Link> {
  const { log, connection } = options;
  let client: pg.Client | undefined;
  let closed = false;
  let failures = 0;
  let retry: NodeJS.Timeout | undefined;

  async function open(): Promise<void> {
    const fresh = await server.connect(connection);
    fresh.once("error", (error) => lose(fresh, error));
    fresh.once("end", () => lose(fresh, new Error("the connection ended")));
    client = fresh;
    try {
      await options.onUp(fresh);
    } catch (error) {
      client = undefined;
      discard(fresh);
      throw error;
    }
    failures = 0;
    if (closed) await fresh.end();
  }

  function lose(lost: pg.Client, error: Error): void {
    if (client !== lost) return;
    client = undefined;
    discard(lost);
    if (closed) return;
    options.onDown?.(error);
    again();
  }

  function again(): void {
    const delay = Math.min(LAST_DELAY_MS, FIRST_DELAY_MS * 2 ** failures) * (0.5 + Math.random() / 2);
    failures += 1;
    retry = setTimeout(() => {
      open().catch((error) => {
        log.warn({ err: error, connection: connection.name }, "no database connection; trying again");
        if (!closed) again();
      });
    }, delay);
  }

  await open();
  return {
    get client() {
      return client;
    },
    reset(error) {
      if (client !== undefined) lose(client, error);
    },
    async close() {
      closed = true;
      clearTimeout(retry);
      await client?.end();
    },
  };
}

export interface ListenOptions {
  readonly channel: string;
  readonly onNotify: () => void;
  readonly onUp: (() => void) | undefined;
  readonly onDown: ((error: Error) => void) | undefined;
  readonly log: Logger;
}

/** Listens on a channel over a link of its own. */
export async function listenOn(server: Pick<DatabaseServer, "connect">, options: ListenOptions): Promise<Subscription> {
  const { channel, onNotify, onUp, onDown, log } = options;
  return openLink(server, {
    connection: { name: `listen ${channel}` },
    log,
    async onUp(client) {
      client.on("notification", (message) => {
        if (message.channel === channel) onNotify();
      });
      await client.query(`listen ${client.escapeIdentifier(channel)}`);
      onUp?.();
    },
    ...(onDown === undefined ? {} : { onDown }),
  });
}

/** Closes a connection without waiting for a server that may not answer. */
function discard(client: pg.Client): void {
  client.end().catch(() => {});
}
