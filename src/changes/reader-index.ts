import type { Reader } from "./reader.js";

type AnyReader<T> = Reader<T, unknown>;

/** Finds the readers that a change concerns, by what they selected. */
export interface ReaderIndex<T> {
  readonly size: number;
  all(): Iterable<AnyReader<T>>;
  /** The readers of an item; may be asked before the item is read. */
  of(key: string, scope: string): Iterable<AnyReader<T>>;
  /** Whether there are any. */
  has(key: string, scope: string): boolean;
  add(reader: AnyReader<T>): void;
  delete(reader: AnyReader<T>): void;
}

/** Creates an empty index. */
export function createReaderIndex<T>(): ReaderIndex<T> {
  const all = new Set<AnyReader<T>>();
  const places = new Map<string, Set<AnyReader<T>>>();

  function* of(key: string, scope: string): Generator<AnyReader<T>> {
    for (const name of [keyName(key), scopeName(scope), EVERYTHING]) {
      for (const reader of places.get(name) ?? []) {
        const { selection } = reader;
        if (selection.scope === undefined || selection.scope === scope) yield reader;
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
    add(reader) {
      const name = nameOf(reader);
      const place = places.get(name) ?? new Set();
      places.set(name, place.add(reader));
      all.add(reader);
    },
    delete(reader) {
      const name = nameOf(reader);
      const place = places.get(name);
      all.delete(reader);
      place?.delete(reader);
      if (place?.size === 0) places.delete(name);
    },
  };
}

const EVERYTHING = "everything";
const keyName = (key: string): string => `key ${key}`;
const scopeName = (scope: string): string => `scope ${scope}`;

/** Where a reader is found; one of a key within a scope is found by the key. */
function nameOf<T>({ selection: { key, scope } }: AnyReader<T>): string {
  if (key !== undefined) return keyName(key);
  return scope === undefined ? EVERYTHING : scopeName(scope);
}
