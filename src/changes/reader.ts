import { type Pullable, pulled, type Sink } from "../pull.js";
import type { Selection, View } from "./selection.js";

type Version = bigint | number;

/** What all readers of a follower have in common. */
export interface ReaderHost<T> {
  readonly keyOf: (item: T) => string;
  readonly versionOf: (item: T) => Version;
  /** How many keys a reader may lag behind before it reads its whole selection again. */
  readonly maxPending: number;
  /** The reader was asked for its first item. */
  onBegin(reader: Reader<T, unknown>): void;
  /** Asks for a read of everything that the reader follows: `refill` or `fail` is called some time later. */
  onStale(reader: Reader<T, unknown>, isFirst: boolean): void;
  /** The reader needs nothing more; called at most once, and only if it has begun. */
  onEnd(reader: Reader<T, unknown>): void;
}

/**
 * One stream: the newest state of each key that its consumer has not taken yet. Its first items are
 * read when the first one is asked for, one at a time. There may be ten thousands of readers, nearly
 * all of them waiting: each is one object, which holds no more than it must.
 */
export class Reader<T, V = T> implements Pullable<V> {
  readonly selection: Selection<T>;
  readonly #host: ReaderHost<T>;
  readonly #view: View<T, V>;
  /** What was offered and not taken; only there while there is something. */
  #pending: Map<string, T> | undefined;
  // The newest version that was offered of each key; bounded, for beyond `limit` everything is read again.
  #versions = new Map<string, Version>();
  #limit: number;
  #hasBegun = false;
  #isStale = true;
  #isReading = false;
  #hasRead = false;
  #ended: { readonly error: unknown } | undefined;
  #consumer: Sink<V> | undefined;
  #signal: AbortSignal | undefined;

  /** Ends when the signal fires, if there is one. */
  constructor(host: ReaderHost<T>, selection: Selection<T>, view: View<T, V>, signal?: AbortSignal) {
    this.#host = host;
    this.selection = selection;
    this.#view = view;
    this.#limit = host.maxPending;
    this.#signal = signal;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<V, void>> {
    return pulled(this);
  }

  pull(consumer: Sink<V>): void {
    if (!this.#hasBegun) this.#begin();
    this.#consumer = consumer;
    this.#serve();
  }

  return(): Promise<IteratorResult<V, void>> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Takes a state of an item, unless it is not newer than what the reader has had. */
  offer(item: T): void {
    const { keyOf, versionOf } = this.#host;
    const key = keyOf(item);
    const version = versionOf(item);
    const known = this.#versions.get(key);
    if (this.#ended !== undefined || (known !== undefined && version <= known)) return;
    if (known === undefined && this.#versions.size >= this.#limit) {
      this.refresh();
      return;
    }
    this.#versions.set(key, version);
    // Mostly somebody waits for just this.
    if (this.#isWaitedFor) this.#take(item);
    else this.#keep(key, item);
  }

  /** Asks for a new read of everything, once what is pending has been taken. */
  refresh(): void {
    this.#isStale = true;
    this.#serve();
  }

  /** Takes what was read: keeps what is news, and forgets the versions of keys that are no longer there. */
  refill(items: readonly T[]): void {
    if (this.#ended !== undefined) return;
    const { keyOf, versionOf, maxPending } = this.#host;
    this.#isReading = false;
    this.#hasRead = true;
    this.#limit = Math.max(maxPending, 2 * items.length);
    const before = this.#versions;
    this.#versions = new Map();
    for (const key of this.#pending?.keys() ?? []) this.#versions.set(key, before.get(key) ?? 0);
    for (const item of items) {
      const key = keyOf(item);
      const version = versionOf(item);
      const known = before.get(key);
      const isNews = known === undefined || version > known;
      if (isNews) this.#keep(key, item);
      this.#versions.set(key, isNews ? version : known);
    }
    this.#serve();
  }

  /** Ends the stream with an error. */
  fail(error: unknown): void {
    this.#end({ error });
  }

  /** Ends the stream. */
  end(): void {
    this.#end({ error: undefined });
  }

  /** The signal fired. */
  handleEvent(): void {
    this.end();
  }

  /** Whether an item would go straight to the consumer. */
  get #isWaitedFor(): boolean {
    return this.#consumer !== undefined && this.#pending === undefined && !this.#isReading;
  }

  #begin(): void {
    this.#hasBegun = true;
    if (this.#ended !== undefined) return;
    if (this.#signal?.aborted) {
      this.#ended = { error: undefined };
      return;
    }
    this.#signal?.addEventListener("abort", this, { once: true });
    this.#host.onBegin(this);
  }

  /** Gives the consumer what it waits for, as far as there is something, and reads where there may be more. */
  #serve(): void {
    if (this.#ended !== undefined) {
      this.#finish(this.#ended.error);
      return;
    }
    while (this.#consumer !== undefined && !this.#isReading) {
      const item = this.#unkeep();
      if (item !== undefined) this.#take(item);
      else if (this.#isStale) this.#reread();
      else return;
    }
  }

  #reread(): void {
    this.#isStale = false;
    this.#isReading = true;
    this.#host.onStale(this, !this.#hasRead);
  }

  #keep(key: string, item: T): void {
    this.#pending ??= new Map();
    this.#pending.set(key, item);
  }

  #unkeep(): T | undefined {
    const first = this.#pending?.entries().next();
    if (this.#pending === undefined || first === undefined || first.done) return undefined;
    const [key, item] = first.value;
    this.#pending.delete(key);
    if (this.#pending.size === 0) this.#pending = undefined;
    return item;
  }

  #take(item: T): void {
    try {
      const value = this.#view.show(item);
      if (value === undefined) return;
      const consumer = this.#consumer;
      this.#consumer = undefined;
      if (this.#view.isLast?.(item)) this.end();
      consumer?.onMessage(value);
    } catch (error) {
      this.fail(error);
    }
  }

  #end(how: { readonly error: unknown }): void {
    if (this.#ended !== undefined) return;
    this.#ended = how;
    this.#pending = undefined;
    this.#signal?.removeEventListener("abort", this);
    this.#signal = undefined;
    if (this.#hasBegun) this.#host.onEnd(this);
    this.#finish(how.error);
  }

  /** Tells the consumer of the end, of an error once. */
  #finish(error: unknown): void {
    const consumer = this.#consumer;
    if (consumer === undefined) return;
    this.#consumer = undefined;
    this.#ended = { error: undefined };
    consumer.onEnd(error);
  }
}
