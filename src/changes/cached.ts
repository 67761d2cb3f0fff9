import type { Change } from "./change.js";
import type { ChangeFeed } from "./feed.js";

export interface CachedOptions<Value> {
  readonly feed: ChangeFeed;
  /** The topics whose changes make a value outdated, and of which key: undefined for all keys. */
  readonly topics: Readonly<Record<string, (change: Change) => string | undefined>>;
  /** Reads the present value of a key; what is undefined is asked for again each time. */
  readonly load: (key: string) => Promise<Value | undefined>;
  /** Whether the feed has told all changes until a moment ago; while it has not, nothing kept is believed. */
  readonly isTold: () => boolean;
  /** Values that are kept at most, the oldest makes room; 10,000 unless told. */
  readonly maxEntries?: number;
}

/** Values by key, kept in memory until the change feed tells that they are outdated. */
export interface Cached<Value> {
  /** The value as the database had it when the newest of the changes that were told was. */
  get(key: string): Promise<Value | undefined>;
  /** Makes the next `get` of the key read: for whoever knows of a change before the feed tells it. */
  forget(key: string): void;
  close(): void;
}

/** Keeps what `load` reads; many who ask for one key at once share a read, unless a change was told since it began. */
export function createCached<Value>(options: CachedOptions<Value>): Cached<Value> {
  const { feed, load, isTold, maxEntries = 10_000 } = options;
  const kept = new Map<string, Promise<Value | undefined>>();
  const loading = new Map<string, Promise<Value | undefined>>();

  const forgetAll = (): void => {
    kept.clear();
    loading.clear();
  };
  const forget = (key: string | undefined): void => {
    if (key === undefined) forgetAll();
    else {
      kept.delete(key);
      // Whoever waits for it gets what it reads, and nobody after them.
      loading.delete(key);
    }
  };

  /** Keeps what was read only if no change was told since: then the read is not in `loading` any more. */
  const read = (key: string): Promise<Value | undefined> => {
    const value = load(key);
    loading.set(key, value);
    const settle = (found: Value | undefined): void => {
      if (loading.get(key) !== value) return;
      loading.delete(key);
      if (found === undefined) return;
      const oldest = kept.size >= maxEntries ? kept.keys().next().value : undefined;
      if (oldest !== undefined) kept.delete(oldest);
      kept.set(key, value);
    };
    value.then(settle, () => settle(undefined));
    return value;
  };

  const unsubscribe = Object.entries(options.topics).map(([topic, keyOf]) =>
    feed.subscribe(topic, (batch) => {
      if (batch === "resync") forgetAll();
      else for (const change of batch) forget(keyOf(change));
    }),
  );
  return {
    get: (key) => (isTold() ? kept.get(key) : undefined) ?? loading.get(key) ?? read(key),
    forget,
    close() {
      for (const stop of unsubscribe) stop();
      forgetAll();
    },
  };
}
