/** The one counter that numbers all changes of a server. */
export interface Versions {
  /** The number of the newest change that is committed. */
  readonly current: number;
  /** Below this, nothing is known of what changed. */
  readonly start: number;
  /** The number that the next change gets; it counts when it is committed. */
  next(): number;
  commit(version: number): void;
}

/**
 * Starts above both the clock (in microseconds) and the last number that was
 * stored, so that a client from before a restart finds its number below the
 * start, is told 410, and lists again.
 */
export function startVersions(now: Date, stored: number): Versions {
  const start = Math.max(now.getTime() * 1000, stored + 1);
  let current = start;
  return {
    start,
    get current() {
      return current;
    },
    next: () => current + 1,
    commit: (version) => {
      current = version;
    },
  };
}
