import type { Logger } from "pino";
import { withoutValues } from "../db/errors.js";
import { DomainError } from "../errors.js";
import type { Change } from "./change.js";
import type { ChangeFeed } from "./feed.js";
import { retried } from "./load.js";
import { Reader, type ReaderHost } from "./reader.js";
import { createReaderIndex } from "./reader-index.js";
import type { Selection, View } from "./selection.js";
import { createSharedReads } from "./shared-reads.js";
import { createSlices } from "./slices.js";

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

/** Follows the rows of one topic for any number of readers, and loads each change once for all of them. */
export interface Follower<T> {
  /**
   * Yields the present state, then every later one: a slow reader gets the newest
   * state of a key, and never an older one after a newer. Ends when the signal aborts;
   * throws DomainError "unavailable" when the database stays away or the follower closes.
   */
  follow(selection: Selection<T>, signal: AbortSignal): AsyncIterableIterator<T>;
  /** The same, with what a view shows of each state. */
  show<V>(selection: Selection<T>, view: View<T, V>, signal: AbortSignal): AsyncIterableIterator<V>;
  /** How many readers there are. */
  readonly readers: number;
  /** Ends all streams. */
  close(): void;
}

const LOAD_SIZE = 500;
const DELIVERIES_PER_SLICE = 500;

/** Creates a follower; it subscribes to the feed at once. */
export function createFollower<T>(options: FollowerOptions<T>): Follower<T> {
  const { feed, topic, log } = options;
  const readers = createReaderIndex<T>();
  const dirty = new Set<string>();
  const each = createSlices(DELIVERIES_PER_SLICE);
  const onStale = createSharedReads<T>({ each, errorOf: unavailable });
  const host: ReaderHost<T> = {
    keyOf: options.keyOf,
    versionOf: options.versionOf,
    maxPending: options.maxPending ?? 1_000,
    onBegin: readers.add,
    onStale,
    onEnd: readers.delete,
  };
  let loading = false;

  async function loadSome(): Promise<void> {
    const keys = [...dirty].slice(0, LOAD_SIZE);
    for (const key of keys) dirty.delete(key);
    for (const item of await retried(() => options.load(keys))) {
      const chosen = readers.of(options.keyOf(item), options.scopeOf(item));
      await each(chosen, (reader) => reader.offer(item));
    }
  }

  async function giveUp(error: unknown): Promise<void> {
    log.error({ err: withoutValues(error), topic }, "changed rows could not be read; their readers must come back");
    dirty.clear();
    await each(readers.all(), (reader) => reader.fail(unavailable(error)));
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
      void each(readers.all(), (reader) => reader.refresh());
      return;
    }
    for (const { key, scope } of batch) if (readers.has(key, scope)) dirty.add(key);
    void loadDirty();
  }

  const unsubscribe = feed.subscribe(topic, onChanges);
  return {
    follow: (selection, signal) => new Reader<T>(host, selection, unchanged, signal),
    show: (selection, view, signal) => new Reader(host, selection, view, signal),
    get readers() {
      return readers.size;
    },
    close() {
      unsubscribe();
      for (const reader of readers.all()) reader.fail(unavailable(new Error("the follower was closed")));
    },
  };
}

const unchanged = { show: <T>(item: T): T => item };

function unavailable(cause: unknown): DomainError {
  if (cause instanceof DomainError) return cause;
  return new DomainError("unavailable", "changes cannot be followed now; come back", { cause, retryAfterMs: 1_000 });
}
