import { pause } from "../pause.js";

/** How much may be read from one API server in the long run. */
export interface Pace {
  /** So much was read. */
  spent(bytes: number): void;
  /** Resolves when more may be read, or when the signal aborts. */
  ready(signal?: AbortSignal): Promise<void>;
}

/** What is read beyond `burstBytes` is waited for, at `bytesPerSecond`; idle time makes room for the next burst. */
export function openPace({ bytesPerSecond, burstBytes }: PaceLimits): Pace {
  let owed = 0;
  let settledAt = performance.now();
  const settle = (): void => {
    const now = performance.now();
    owed = Math.max(0, owed - ((now - settledAt) / 1000) * bytesPerSecond);
    settledAt = now;
  };
  return {
    spent(bytes) {
      settle();
      owed += bytes;
    },
    async ready(signal) {
      settle();
      const beyond = owed - burstBytes;
      if (beyond > 0) await pause((beyond / bytesPerSecond) * 1000, signal);
    },
  };
}

/** Limits of a pace. */
export interface PaceLimits {
  readonly bytesPerSecond: number;
  readonly burstBytes: number;
}
