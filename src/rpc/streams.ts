/** What somebody wants to know of the messages that pass. */
export interface StreamObserver<T> {
  /** Called for each message before it goes on. */
  readonly onMessage?: (message: T) => void;
  /** Called exactly once, with the error if there was one; an abandoned stream ends with `abandoned`. */
  readonly onEnd: (error: unknown) => void;
  /** Replaces an error on its way out. */
  readonly mapError?: (error: unknown) => unknown;
}

/** The error with which observers see a stream end whose reader went away. */
export const abandoned = new DOMException("the reader went away", "AbortError");

/**
 * Lets messages pass unchanged while somebody watches. Unlike an async
 * generator it passes `return` on at once, even while a message is awaited.
 */
export function observe<T>(source: AsyncIterable<T>, observer: StreamObserver<T>): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      const inner = source[Symbol.asyncIterator]();
      let ended = false;
      const end = (error: unknown) => {
        if (ended) return;
        ended = true;
        observer.onEnd(error);
      };
      const fail = (error: unknown): never => {
        end(error);
        throw observer.mapError === undefined ? error : observer.mapError(error);
      };
      const pass = (result: IteratorResult<T>) => {
        if (result.done) end(undefined);
        else observer.onMessage?.(result.value);
        return result;
      };
      return {
        next: () => inner.next().then(pass, fail),
        return: (value?: unknown) => {
          end(abandoned);
          return inner.return?.(value) ?? Promise.resolve({ done: true, value });
        },
        throw: (error: unknown) => {
          end(error);
          return inner.throw?.(error) ?? Promise.reject(error);
        },
      };
    },
  };
}

/** Passes messages on until the signal fires; then fails with its reason, whether or not the source noticed. */
export function untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal, release: () => void): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      const inner = source[Symbol.asyncIterator]();
      let refuse: ((reason: unknown) => void) | undefined;
      const onAbort = () => {
        refuse?.(signal.reason);
        inner.return?.()?.catch(() => {});
        finish();
      };
      const finish = () => {
        signal.removeEventListener("abort", onAbort);
        release();
      };
      signal.addEventListener("abort", onAbort, { once: true });
      return {
        next: () => {
          if (signal.aborted) return Promise.reject(signal.reason);
          return new Promise((resolve, reject) => {
            refuse = reject;
            inner.next().then(
              (result) => {
                if (result.done) finish();
                resolve(result);
              },
              (error) => {
                finish();
                reject(error);
              },
            );
          });
        },
        return: (value?: unknown) => {
          finish();
          return inner.return?.(value) ?? Promise.resolve({ done: true, value });
        },
        throw: (error: unknown) => {
          finish();
          return inner.throw?.(error) ?? Promise.reject(error);
        },
      };
    },
  };
}

/** Takes the first message off a stream, and gives the whole stream back. */
export async function peek<T>(source: AsyncIterable<T>): Promise<{ first: T | undefined; all: AsyncIterable<T> }> {
  const inner = source[Symbol.asyncIterator]();
  const first = await inner.next();
  let given = false;
  const all: AsyncIterableIterator<T> = {
    [Symbol.asyncIterator]: () => all,
    next: () => {
      if (given) return inner.next();
      given = true;
      return Promise.resolve(first);
    },
    return: (value?: unknown) => inner.return?.(value) ?? Promise.resolve({ done: true, value }),
  };
  return { first: first.done ? undefined : first.value, all };
}
