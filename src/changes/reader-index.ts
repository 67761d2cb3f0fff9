import type { Reader } from "./reader.js";

/** Finds the readers that a change concerns. */
export interface ReaderIndex<T> {
  readonly size: number;
  all(): Iterable<Reader<T>>;
  /** The readers of an item; may be asked before the item is read. */
  of(key: string, scope: string): Iterable<Reader<T>>;
  /** Whether there are any. */
  has(key: string, scope: string): boolean;
  /** Adds a reader of a key, of a scope, of a key within a scope, or of everything; the returned function removes it. */
  add(reader: Reader<T>, key: string | undefined, scope: string | undefined): () => void;
}

interface Entry<T> {
  readonly reader: Reader<T>;
  readonly scope: string | undefined;
}

/** Creates an empty index. */
export function createReaderIndex<T>(): ReaderIndex<T> {
  const all = new Set<Reader<T>>();
  const places = new Map<string, Set<Entry<T>>>();

  function* of(key: string, scope: string): Generator<Reader<T>> {
    for (const place of [placeOf(key, undefined), placeOf(undefined, scope), EVERYTHING]) {
      for (const entry of places.get(place) ?? []) {
        if (entry.scope === undefined || entry.scope === scope) yield entry.reader;
      }
    }
  }

  return {
    get size() {
      return all.size;
    },
    all: () => all,
    of,
    has: (key, scope) => of(key, scope).next().done === false,
    add(reader, key, scope) {
      const place = placeOf(key, scope);
      const entries = places.get(place) ?? new Set();
      const entry = { reader, scope };
      places.set(place, entries.add(entry));
      all.add(reader);
      return () => {
        all.delete(reader);
        entries.delete(entry);
        if (entries.size === 0 && places.get(place) === entries) places.delete(place);
      };
    },
  };
}

const EVERYTHING = "everything";

function placeOf(key: string | undefined, scope: string | undefined): string {
  if (key !== undefined) return `key ${key}`;
  return scope === undefined ? EVERYTHING : `scope ${scope}`;
}
