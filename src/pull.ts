/** Takes what was pulled: one of the two is called once. */
export interface Sink<T> {
  onMessage(message: T): void;
  /** The source has nothing more, or failed with this error. */
  onEnd(error: unknown): void;
}

/**
 * A stream that calls back instead of promising: whoever waits for a message that may not come for hours holds nothing
 * for it, and nothing is made for a message that comes. One is pulled at a time; the sink may pull the next one while it
 * is called. Sinks do not throw.
 */
export interface Pullable<T> extends AsyncIterableIterator<T, void> {
  pull(sink: Sink<T>): void;
}

/** Whether a stream can be pulled from. */
export function isPullable<T>(source: AsyncIterator<T> | AsyncIterable<T>): source is Pullable<T> {
  return "pull" in source && typeof source.pull === "function";
}

/** What `next` of a stream answers. */
export function pulled<T>(source: Pullable<T>): Promise<IteratorResult<T, void>> {
  return new Promise((resolve, reject) =>
    source.pull({
      onMessage: (value) => resolve({ done: false, value }),
      onEnd: (error) => (error === undefined ? resolve({ done: true, value: undefined }) : reject(error)),
    }),
  );
}
