import { DomainError } from "../../../errors.js";
import { waitAfter } from "./password-store.js";

/** Names that are remembered; the oldest are forgotten first. */
const mostNames = 10_000;

/**
 * Counts guesses at names that have no password as those of users are counted
 * in the database: nobody learns from the waiting which names there are. Kept in
 * memory, for each process by itself.
 */
export function createStrangers(clock: () => Date) {
  const known = new Map<string, { readonly failures: number; readonly lockedUntil: Date }>();
  return {
    /** Counts a guess; throws "exhausted" while the name is locked. */
    guess(name: string): void {
      const now = clock();
      const before = known.get(name);
      if (before !== undefined && before.lockedUntil > now) throw locked(before.lockedUntil, now);
      const failures = (before?.failures ?? 0) + 1;
      known.delete(name);
      const oldest = known.size >= mostNames ? known.keys().next().value : undefined;
      if (oldest !== undefined) known.delete(oldest);
      known.set(name, { failures, lockedUntil: new Date(now.getTime() + waitAfter(failures) * 1_000) });
    },
  };
}

/** That a password was guessed wrong too often, and when the next guess is looked at. */
export function locked(until: Date, now: Date): DomainError {
  const retryAfterMs = Math.max(1, until.getTime() - now.getTime());
  return new DomainError("exhausted", "too many wrong passwords: wait before the next try", { retryAfterMs });
}
