import { isPullable, type Pullable, pulled, type Sink } from "../pull.js";

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
class Watched<T> implements Pullable<T>, Sink<T> {
  readonly #source: AsyncIterable<T>;
  readonly #guard: Guard | undefined;
  /** The innermost first. */
  #observers: StreamObserver<T>[] = [];
  #inner: AsyncIterator<T> | undefined;
  #hasEnded = false;
  /** Who waits for a message. */
  #sink: Sink<T> | undefined;

  constructor(source: AsyncIterable<T>, guard?: Guard) {
    this.#source = source;
    this.#guard = guard;
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
    return pulled(this);
  }

  pull(sink: Sink<T>): void {
    const inner = this.#begin();
    const signal = this.#guard?.signal;
    if (signal?.aborted) {
      sink.onEnd(this.#ended(signal.reason));
      return;
    }
    this.#sink = sink;
    if (isPullable(inner)) inner.pull(this);
    else {
      inner.next().then(
        (result) => (result.done ? this.onEnd(undefined) : this.onMessage(result.value)),
        (error) => this.onEnd(error),
      );
    }
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

  /** The source has a message, which nobody wants any more who was refused in the meantime. */
  onMessage(message: T): void {
    const sink = this.#sink;
    if (sink === undefined) return;
    this.#sink = undefined;
    for (const { onMessage } of this.#observers) onMessage?.(message);
    sink.onMessage(message);
  }

  /** The source has ended. */
  onEnd(error: unknown): void {
    const sink = this.#sink;
    if (sink === undefined) return;
    this.#sink = undefined;
    const signal = this.#guard?.signal;
    // A source that ends because of the signal may hear of it first.
    sink.onEnd(this.#ended(error === undefined && signal?.aborted ? signal.reason : error));
  }

  /** The signal fired. */
  handleEvent(): void {
    const sink = this.#sink;
    this.#sink = undefined;
    this.#inner?.return?.()?.catch(() => {});
    if (sink !== undefined) sink.onEnd(this.#ended(this.#guard?.signal.reason));
    else this.#release();
  }

  #begin(): AsyncIterator<T> {
    if (this.#inner !== undefined) return this.#inner;
    this.#inner = this.#source[Symbol.asyncIterator]();
    this.#guard?.signal.addEventListener("abort", this, { once: true });
    return this.#inner;
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
  return { first: first.done ? undefined : first.value, all: new Peeked(first, inner) };
}

/** It forgets what it has given: a stream holds on to its request for as long as it is open. */
class Peeked<T> implements AsyncIterableIterator<T> {
  #first: IteratorResult<T> | undefined;
  readonly #rest: AsyncIterator<T>;

  constructor(first: IteratorResult<T>, rest: AsyncIterator<T>) {
    this.#first = first;
    this.#rest = rest;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T>> {
    const first = this.#first;
    if (first === undefined) return this.#rest.next();
    this.#first = undefined;
    return Promise.resolve(first);
  }

  return(value?: unknown): Promise<IteratorResult<T>> {
    return this.#rest.return?.(value) ?? Promise.resolve({ done: true, value });
  }
}
