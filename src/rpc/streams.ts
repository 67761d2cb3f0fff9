/** What somebody wants to know of the messages that pass. */
export interface StreamObserver<T> {
  /** Called for each message before it goes on. */
  readonly onMessage?: (message: T) => void;
  /** Called exactly once, with the error if there was one; an abandoned stream ends with `abandoned`. */
  readonly onEnd?: (error: unknown) => void;
  /** Replaces an error on its way out. */
  readonly mapError?: (error: unknown) => unknown;
}

/** The error with which observers see a stream end whose reader went away. */
export const abandoned = new DOMException("the reader went away", "AbortError");

/**
 * Lets messages pass unchanged while somebody watches. Unlike an async
 * generator it passes `return` on at once, even while a message is awaited.
 * Those who watch the same stream share one iterator, however many they are;
 * it is asked for one message at a time.
 */
export function observe<T>(source: AsyncIterable<T>, observer: StreamObserver<T>): AsyncIterable<T> {
  return watchedOf(source).add(observer);
}

/** Passes messages on until the signal fires; then fails with its reason, whether or not the source noticed. */
export function untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal, release: () => void): AsyncIterable<T> {
  return new Watched(source, { signal, release });
}

function watchedOf<T>(source: AsyncIterable<T>): Watched<T> {
  return source instanceof Watched && !source.isRead ? source : new Watched<T>(source);
}

/** What may end a stream from outside, and what is to be done when it has ended. */
interface Guard {
  readonly signal: AbortSignal;
  readonly release: () => void;
}

/**
 * A stream between its source and its reader. Servers have ten thousands of them, most of which
 * are silent: one object with what all interceptors want of it, and no closure for each of them.
 */
class Watched<T> implements AsyncIterableIterator<T, void> {
  readonly #source: AsyncIterable<T>;
  readonly #guard: Guard | undefined;
  readonly #onResult: (result: IteratorResult<T>) => unknown;
  readonly #onError: (error: unknown) => unknown;
  /** The innermost first. */
  #observers: StreamObserver<T>[] = [];
  #inner: AsyncIterator<T> | undefined;
  #hasEnded = false;
  /** Of the message that is awaited, where something other than the source may settle it. */
  #resolve: ((result: IteratorResult<T, void>) => void) | undefined;
  #reject: ((reason: unknown) => void) | undefined;

  constructor(source: AsyncIterable<T>, guard?: Guard) {
    this.#source = source;
    this.#guard = guard;
    // Two functions for all messages of the stream.
    this.#onResult = guard === undefined ? (result) => this.#pass(result) : (result) => this.#settle(result);
    this.#onError =
      guard === undefined ? (error) => Promise.reject(this.#ended(error)) : (error) => this.#refuse(error);
  }

  /** Whether somebody reads it; later observers would not see its beginning. */
  get isRead(): boolean {
    return this.#inner !== undefined;
  }

  add(observer: StreamObserver<T>): this {
    this.#observers.push(observer);
    return this;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, void>> {
    const inner = this.#begin();
    if (this.#guard === undefined)
      return inner.next().then(this.#onResult, this.#onError) as Promise<IteratorResult<T, void>>;
    if (this.#guard.signal.aborted) return Promise.reject(this.#ended(this.#guard.signal.reason));
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      inner.next().then(this.#onResult, this.#onError);
    });
  }

  return(value?: unknown): Promise<IteratorResult<T, void>> {
    const inner = this.#begin();
    this.#abandon();
    return inner.return?.(value) ?? Promise.resolve({ done: true, value: undefined });
  }

  throw(error: unknown): Promise<IteratorResult<T, void>> {
    const inner = this.#begin();
    this.#ended(error);
    return inner.throw?.(error) ?? Promise.reject(error);
  }

  /** The signal fired. */
  handleEvent(): void {
    this.#inner?.return?.()?.catch(() => {});
    const refuse = this.#reject;
    this.#resolve = this.#reject = undefined;
    if (refuse !== undefined) refuse(this.#ended(this.#guard?.signal.reason));
    else this.#release();
  }

  #begin(): AsyncIterator<T> {
    if (this.#inner !== undefined) return this.#inner;
    this.#inner = this.#source[Symbol.asyncIterator]();
    this.#guard?.signal.addEventListener("abort", this, { once: true });
    return this.#inner;
  }

  #pass(result: IteratorResult<T>): IteratorResult<T, void> {
    if (result.done) this.#ended(undefined);
    else for (const { onMessage } of this.#observers) onMessage?.(result.value);
    return result;
  }

  /** Gives a guarded reader what came, unless it was refused in the meantime. */
  #settle(result: IteratorResult<T>): void {
    const resolve = this.#resolve;
    this.#resolve = this.#reject = undefined;
    resolve?.(this.#pass(result));
  }

  #refuse(error: unknown): void {
    const reject = this.#reject;
    this.#resolve = this.#reject = undefined;
    reject?.(this.#ended(error));
  }

  /** Tells everybody that the stream has ended, from the inside out; the error that its reader sees. */
  #ended(error: unknown): unknown {
    this.#release();
    const first = !this.#hasEnded;
    this.#hasEnded = true;
    let seen = error;
    for (const { onEnd, mapError } of this.#observers) {
      if (first) onEnd?.(seen);
      if (seen !== undefined && mapError !== undefined) seen = mapError(seen);
    }
    return seen;
  }

  #abandon(): void {
    this.#release();
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    for (const { onEnd } of this.#observers.toReversed()) onEnd?.(abandoned);
  }

  #release(): void {
    if (this.#guard === undefined) return;
    this.#guard.signal.removeEventListener("abort", this);
    this.#guard.release();
  }
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
