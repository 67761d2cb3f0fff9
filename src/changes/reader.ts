export interface ReaderOptions<T> {
  readonly keyOf: (item: T) => string;
  readonly versionOf: (item: T) => bigint | number;
  readonly maxPending: number;
  /** Reads everything that the reader follows. */
  readonly read: () => Promise<readonly T[]>;
}

/** One stream: the newest state of each key that its consumer has not taken yet. */
export interface Reader<T> {
  /** Takes a state of an item, unless it is not newer than what the reader has had. */
  offer(item: T): void;
  /** Asks for a new read of everything, once what is pending has been taken. */
  refresh(): void;
  /** Ends the stream with an error. */
  fail(error: Error): void;
  /** Ends the stream. */
  end(): void;
  items(): AsyncGenerator<T, void, undefined>;
}

/** Creates a reader; its first items are read when the first one is asked for. */
export function createReader<T>({ keyOf, versionOf, maxPending, read }: ReaderOptions<T>): Reader<T> {
  const pending = new Map<string, T>();
  // The newest version that was offered of each key; bounded, for beyond `limit` everything is read again.
  let versions = new Map<string, bigint | number>();
  let limit = maxPending;
  let stale = true;
  let ended: { readonly error: Error | undefined } | undefined;
  let wake = (): void => {};

  function isNewer(item: T, known: ReadonlyMap<string, bigint | number>): boolean {
    const version = known.get(keyOf(item));
    return version === undefined || versionOf(item) > version;
  }

  function offer(item: T): void {
    const key = keyOf(item);
    if (!isNewer(item, versions)) return;
    if (versions.size >= limit && !versions.has(key)) {
      stale = true;
    } else {
      versions.set(key, versionOf(item));
      pending.set(key, item);
    }
    wake();
  }

  /** Reads everything, keeps what is news, and forgets the versions of keys that are no longer there. */
  async function reread(): Promise<void> {
    stale = false;
    const items = await read();
    limit = Math.max(maxPending, 2 * items.length);
    const before = versions;
    versions = new Map([...pending.keys()].map((key) => [key, before.get(key) ?? 0]));
    for (const item of items) {
      const key = keyOf(item);
      if (isNewer(item, before)) pending.set(key, item);
      versions.set(key, isNewer(item, before) ? versionOf(item) : (before.get(key) ?? 0));
    }
  }

  async function* items(): AsyncGenerator<T, void, undefined> {
    while (ended === undefined) {
      const [first] = pending;
      if (first !== undefined) {
        pending.delete(first[0]);
        yield first[1];
      } else if (stale) await reread();
      else await new Promise<void>((resolve) => (wake = resolve));
    }
    if (ended.error !== undefined) throw ended.error;
  }

  function end(error: Error | undefined): void {
    ended ??= { error };
    pending.clear();
    wake();
  }

  return {
    offer,
    refresh() {
      stale = true;
      wake();
    },
    fail: end,
    end: () => end(undefined),
    items,
  };
}
