const shortestMs = 500;
const longestMs = 30_000;

/** How long to wait after so many failures in a row. */
export const backoffMs = (failures: number): number => Math.min(longestMs, shortestMs * 2 ** Math.min(failures, 10));
