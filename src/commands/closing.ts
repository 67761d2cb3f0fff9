import type { Logger } from "pino";
import type { Running } from "./run.js";

/** What was opened, to be closed in the opposite order. */
export interface Closing {
  add(close: () => Promise<void>): void;
  /** Runs the start; when it fails, what it opened is closed again. */
  guard(start: () => Promise<void>): Promise<Running>;
}

/** Collects what is to be closed; a failure to close one thing does not keep the others open. */
export function closeInTurn(log: Logger): Closing {
  const closers: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
      await close().catch((err: unknown) => log.error({ err }, "closing failed"));
    }
  };
  return {
    add: (close) => void closers.push(close),
    async guard(start) {
      try {
        await start();
        return { stop };
      } catch (error) {
        await stop();
        throw error;
      }
    },
  };
}
