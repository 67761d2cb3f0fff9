/** How long to wait between attempts. */
export interface Backoff {
  /** The most before the second attempt; it doubles with each further one. */
  readonly initialMs: number;
  /** It never grows beyond this. */
  readonly maxMs: number;
}

/** The time to wait after so many failures in a row: anything up to a limit that doubles, so that callers spread out. */
export function backoffMs({ initialMs, maxMs }: Backoff, failures: number): number {
  return Math.random() * Math.min(maxMs, initialMs * 2 ** (failures - 1));
}
