import type pg from "pg";
import type { Logger } from "pino";
import type { DatabaseServer } from "../db/database.js";
import { type Link, openLink } from "../db/link.js";
import type { Change } from "./change.js";
import { readChanges, takeSnapshot, wentBack } from "./read.js";

/** Takes the changes of a topic, each row once per batch; "resync" means that too much changed, or was missed, to say. */
export type ChangeListener = (batch: readonly Change[] | "resync") => void;

/** Tells this process what any process changed. */
export interface ChangeFeed {
  /** Calls the listener with every later change of the topic, until the returned function is called. */
  subscribe(topic: string, listener: ChangeListener): () => void;
  /** Whether changes arrive now, and until when all of them have. */
  status(): { readonly connected: boolean; readonly lastReadAt: Date };
  close(): Promise<void>;
}

export interface ChangeFeedOptions {
  readonly log: Logger;
  readonly clock: () => Date;
  /** How often to read without being notified; 1 s unless told. */
  readonly pollMs?: number;
  /** How long `pruneChanges` leaves rows in place; after a gap of half of it listeners are told to resync. */
  readonly retentionMs: number;
  /** How many changes of one topic are told one by one; 1,000 unless told. */
  readonly maxBatch?: number;
}

const CHANNEL = "slipway_changes";
const ANSWER_TIMEOUT_MS = 10_000;

/** Opens the feed at the present state of the database; throws if that cannot be reached. */
export async function openChangeFeed(server: DatabaseServer, options: ChangeFeedOptions): Promise<ChangeFeed> {
  const { log, clock, pollMs = 1_000, retentionMs, maxBatch = 1_000 } = options;
  const listeners = new Map<string, Set<ChangeListener>>();
  let snapshot: string | undefined;
  let lastReadAt = clock();
  let closed = false;
  let reading = false;
  let readAgain = false;
  let poll: NodeJS.Timeout | undefined;
  let link: Link | undefined;

  function deliver(topic: string, batch: readonly Change[] | "resync"): void {
    for (const listener of listeners.get(topic) ?? []) {
      try {
        listener(batch);
      } catch (error) {
        log.error({ err: error, topic }, "a listener of the change feed failed");
      }
    }
  }

  async function read(client: pg.Client, since: string): Promise<void> {
    const startedAt = clock();
    const news = await readChanges(client, since, maxBatch);
    const missed = startedAt.getTime() - lastReadAt.getTime() > retentionMs / 2 || wentBack(since, news.snapshot);
    snapshot = news.snapshot;
    lastReadAt = startedAt;
    if (missed) {
      log.warn("the change feed has a gap; everything is read again");
      for (const topic of listeners.keys()) deliver(topic, "resync");
      return;
    }
    for (const topic of news.flooded) deliver(topic, "resync");
    for (const [topic, batch] of news.changes) deliver(topic, batch);
  }

  /** Reads now; or once more, if a read is under way: it may have begun too early to see the newest changes. */
  async function wake(): Promise<void> {
    readAgain = true;
    if (reading || closed || link === undefined) return;
    reading = true;
    clearTimeout(poll);
    try {
      while (readAgain && !closed && link.client !== undefined && snapshot !== undefined) {
        readAgain = false;
        await read(link.client, snapshot);
      }
    } catch (error) {
      if (!closed) log.warn({ reason: String(error) }, "the change feed could not be read; trying again");
      link.reset(error instanceof Error ? error : new Error(String(error)));
    }
    reading = false;
    if (!closed) poll = setTimeout(wake, pollMs);
  }

  link = await openLink(server, {
    connection: { name: "changes", statementTimeoutMs: ANSWER_TIMEOUT_MS, answerTimeoutMs: ANSWER_TIMEOUT_MS },
    log,
    async prepare(client) {
      client.on("notification", (message) => {
        if (message.channel === CHANNEL) void wake();
      });
      await client.query(`listen ${CHANNEL}`);
      snapshot ??= await takeSnapshot(client);
    },
    onUp: () => void wake(),
  });
  void wake();

  return {
    subscribe(topic, listener) {
      const ofTopic = listeners.get(topic) ?? new Set();
      listeners.set(topic, ofTopic.add(listener));
      return () => {
        ofTopic.delete(listener);
      };
    },
    status: () => ({ connected: link?.client !== undefined, lastReadAt }),
    async close() {
      closed = true;
      clearTimeout(poll);
      await link?.close();
    },
  };
}
