import { DomainError } from "../../../errors.js";

const retryAfterMs = 1_000;

/** Lets a few through at a time. */
export interface Gate {
  /** Does the work when it is its turn; throws "exhausted" when too many wait already. */
  run<T>(work: () => Promise<T>): Promise<T>;
}

/** A gate for work that costs much: so many run at once, so many more wait, and the rest is sent away. */
export function createGate({ running, waiting }: { readonly running: number; readonly waiting: number }): Gate {
  const queue: (() => void)[] = [];
  let free = running;
  const enter = async (): Promise<void> => {
    if (free > 0) {
      free -= 1;
      return;
    }
    if (queue.length >= waiting) {
      throw new DomainError("exhausted", "too many passwords are being checked: try again", { retryAfterMs });
    }
    await new Promise<void>((resolve) => queue.push(resolve));
  };
  const leave = (): void => {
    const next = queue.shift();
    if (next === undefined) free += 1;
    else next();
  };
  return {
    async run(work) {
      await enter();
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}
