import { setImmediate as breathe } from "node:timers/promises";

/** Gives the newest item to any number of readers. */
export interface FanOut<T> {
  /** From now on this is the newest item. */
  publish(item: T): void;
  /** Yields the newest item, then every later one; what a slow reader has not taken yet is replaced. Ends with the signal. */
  follow(signal: AbortSignal): AsyncGenerator<T, void, undefined>;
  /** How many readers there are. */
  readonly readers: number;
}

export interface FanOutOptions {
  /** Called when there is a reader again. */
  readonly onFirst: () => void;
  /** Called when the last reader has gone. */
  readonly onLast: () => void;
}

/** How many readers are woken before others get their turn. */
const sliceSize = 200;

/** Makes one without an item: its first readers wait. */
export function createFanOut<T>({ onFirst, onLast }: FanOutOptions): FanOut<T> {
  const readers = new Set<{ wake(): void }>();
  let newest: { readonly item: T } | undefined;

  async function wakeAll(): Promise<void> {
    let woken = 0;
    for (const reader of readers) {
      reader.wake();
      woken += 1;
      if (woken % sliceSize === 0) await breathe();
    }
  }

  async function* follow(signal: AbortSignal): AsyncGenerator<T, void, undefined> {
    const reader = { wake: (): void => {} };
    const leave = (): void => reader.wake();
    readers.add(reader);
    if (readers.size === 1) onFirst();
    signal.addEventListener("abort", leave, { once: true });
    let told: typeof newest;
    try {
      while (!signal.aborted) {
        if (newest !== undefined && newest !== told) {
          told = newest;
          yield told.item;
        } else {
          await new Promise<void>((resolve) => {
            reader.wake = resolve;
          });
        }
      }
    } finally {
      signal.removeEventListener("abort", leave);
      readers.delete(reader);
      if (readers.size === 0) onLast();
    }
  }

  return {
    publish(item) {
      newest = { item };
      void wakeAll();
    },
    follow,
    get readers() {
      return readers.size;
    },
  };
}
