import { DomainError } from "./errors.js";

/** Does the work when it is its turn. */
export type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

export interface Turns {
  /** How many works run at once. */
  readonly running: number;
  /** How many more may wait, in order; any number unless given. */
  readonly waiting?: number;
  /** What is said to those beyond. */
  readonly full?: string;
}

const retryAfterMs = 1_000;

/** Lets few works run at once; when too many wait already, it throws DomainError "exhausted". */
export function takeTurns({ running, waiting = Infinity, full = "too many wait: try again" }: Turns): InTurn {
  const queue: (() => void)[] = [];
  let free = running;
  const enter = async (): Promise<void> => {
    if (free > 0) {
      free -= 1;
      return;
    }
    if (queue.length >= waiting) throw new DomainError("exhausted", full, { retryAfterMs });
    await new Promise<void>((resolve) => queue.push(resolve));
  };
  return async (work) => {
    await enter();
    try {
      return await work();
    } finally {
      const next = queue.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}
