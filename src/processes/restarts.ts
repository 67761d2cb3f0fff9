/** A process that has served for so long was sound: its end says nothing of the next one. */
export const soundMs = 10_000;
const shortestPauseMs = 100;
const longestPauseMs = 30_000;
/** So many ends in a row, none of them of a sound process, are no accident. */
const mostInRow = 6;

/** When to start a process again in the place of one that has ended. */
export interface Restarts {
  /**
   * Notes that the process has ended, after it has served for so many milliseconds; undefined when it never did.
   * Answers how long to wait before the next one is started, and whether it is too much.
   */
  ended(servedMs: number | undefined): { readonly pauseMs: number; readonly tooMany: boolean };
}

/** Counts the ends of the processes of one place. The pause doubles with each end in a row, from 100 ms to 30 s. */
export function createRestarts(): Restarts {
  let inRow = 0;
  return {
    ended(servedMs) {
      inRow = servedMs !== undefined && servedMs >= soundMs ? 1 : inRow + 1;
      const pauseMs = Math.min(longestPauseMs, shortestPauseMs * 2 ** (inRow - 1));
      return { pauseMs, tooMany: inRow > mostInRow };
    },
  };
}
