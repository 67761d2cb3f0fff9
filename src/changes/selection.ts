/** What to follow: everything, a scope, one key, or one key within a scope. */
export interface Selection<T> {
  readonly scope?: string;
  readonly key?: string;
  /**
   * Reads the present state of the selection. What one reader's answers is given to all who
   * selected the same: it must not depend on who asks.
   */
  readonly initial: () => Promise<readonly T[]>;
  /** Runs once before the first state is read, and throws where there is nothing to follow. Shared likewise. */
  readonly check?: () => Promise<void>;
}

/** What a reader is shown of the items that it follows. */
export interface View<T, V> {
  /** What an item looks like; undefined: it is left out. Called once for each state that is taken, in order. */
  show(item: T): V | undefined;
  /** Whether nothing comes after an item that was shown. */
  isLast?(item: T): boolean;
}

/** The name of a place in which all selections read the same. */
export function placeOf({ key, scope }: Pick<Selection<unknown>, "key" | "scope">): string {
  if (key === undefined) return scope === undefined ? "everything" : `scope ${scope}`;
  return scope === undefined ? `key ${key}` : `key ${key} of ${scope}`;
}
