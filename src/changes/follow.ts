import { setImmediate as breathe } from "node:timers/promises";
import type { Logger } from "pino";
import { withoutValues } from "../db/errors.js";
import { DomainError } from "../errors.js";
import { takeTurns } from "../in-turn.js";
import type { Change } from "./change.js";
import type { ChangeFeed } from "./feed.js";
import { retried } from "./load.js";
import { createReader, type Reader } from "./reader.js";
import { createReaderIndex } from "./reader-index.js";

export interface FollowerOptions<T> {
  readonly feed: ChangeFeed;
  readonly topic: string;
  /** Reads the present state of these keys; a key that is left out is not told to anybody. */
  readonly load: (keys: readonly string[]) => Promise<readonly T[]>;
  readonly keyOf: (item: T) => string;
  readonly scopeOf: (item: T) => string;
  /** Grows with every change of the item. */
  readonly versionOf: (item: T) => bigint | number;
  readonly log: Logger;
  /** How many keys a reader may lag behind before it reads its whole selection again; 1,000 unless told. */
  readonly maxPending?: number;
}

/** What to follow: everything, a scope, one key, or one key within a scope. */
export interface Selection<T> {
  readonly scope?: string;
  readonly key?: string;
  /** Reads the present state of the selection. */
  readonly initial: () => Promise<readonly T[]>;
}

/** Follows the rows of one topic for any number of readers, and loads each change once for all of them. */
export interface Follower<T> {
  /**
   * Yields the present state, then every later one: a slow reader gets the newest
   * state of a key, and never an older one after a newer. Ends when the signal aborts;
   * throws DomainError "unavailable" when the database stays away or the follower closes.
   */
  follow(selection: Selection<T>, signal: AbortSignal): AsyncGenerator<T, void, undefined>;
  /** How many readers there are. */
  readonly readers: number;
  /** Ends all streams. */
  close(): void;
}

const LOAD_SIZE = 500;
const DELIVERIES_PER_SLICE = 200;
const CONCURRENT_READS = 4;

/** Creates a follower; it subscribes to the feed at once. */
export function createFollower<T>(options: FollowerOptions<T>): Follower<T> {
  const { feed, topic, log } = options;
  const readers = createReaderIndex<T>();
  const dirty = new Set<string>();
  const limit = takeTurns({ running: CONCURRENT_READS });
  let loading = false;
  let deliveries = 0;

  /** Lets the event loop breathe while many readers are served. */
  async function eachSliced(chosen: Iterable<Reader<T>>, act: (reader: Reader<T>) => void): Promise<void> {
    for (const reader of chosen) {
      act(reader);
      deliveries += 1;
      if (deliveries % DELIVERIES_PER_SLICE === 0) await breathe();
    }
  }

  async function loadSome(): Promise<void> {
    const keys = [...dirty].slice(0, LOAD_SIZE);
    for (const key of keys) dirty.delete(key);
    for (const item of await retried(() => options.load(keys))) {
      const chosen = readers.of(options.keyOf(item), options.scopeOf(item));
      await eachSliced(chosen, (reader) => reader.offer(item));
    }
  }

  async function giveUp(error: unknown): Promise<void> {
    log.error({ err: withoutValues(error), topic }, "changed rows could not be read; their readers must come back");
    dirty.clear();
    await eachSliced(readers.all(), (reader) => reader.fail(unavailable(error)));
  }

  /** One load at a time: a later one never brings an older state. */
  async function loadDirty(): Promise<void> {
    if (loading) return;
    loading = true;
    while (dirty.size > 0) await loadSome().catch(giveUp);
    loading = false;
  }

  function onChanges(batch: readonly Change[] | "resync"): void {
    if (batch === "resync") {
      void eachSliced(readers.all(), (reader) => reader.refresh());
      return;
    }
    for (const { key, scope } of batch) if (readers.has(key, scope)) dirty.add(key);
    void loadDirty();
  }

  async function* follow(selection: Selection<T>, signal: AbortSignal): AsyncGenerator<T, void, undefined> {
    const reader = createReader<T>({
      keyOf: options.keyOf,
      versionOf: options.versionOf,
      maxPending: options.maxPending ?? 1_000,
      read: () => limit(() => retried(selection.initial)).catch((error) => Promise.reject(unavailable(error))),
    });
    const remove = readers.add(reader, selection.key, selection.scope);
    const stop = (): void => reader.end();
    signal.addEventListener("abort", stop, { once: true });
    try {
      if (!signal.aborted) yield* reader.items();
    } finally {
      signal.removeEventListener("abort", stop);
      remove();
    }
  }

  const unsubscribe = feed.subscribe(topic, onChanges);
  return {
    follow,
    get readers() {
      return readers.size;
    },
    close() {
      unsubscribe();
      for (const reader of readers.all()) reader.fail(unavailable(new Error("the follower was closed")));
    },
  };
}

function unavailable(cause: unknown): DomainError {
  if (cause instanceof DomainError) return cause;
  return new DomainError("unavailable", "changes cannot be followed now; come back", { cause, retryAfterMs: 1_000 });
}
