import { limitConcurrency } from "../../../changes/load.js";
import { DomainError } from "../../../errors.js";

/** Each may take 10 s and a connection, of which calls need most. */
const atOnce = 3;
const mostWaiting = 100;

/** Runs a search when it is its turn; throws DomainError "exhausted" when too many wait already. */
export type RunSearch = <T>(search: () => Promise<T>) => Promise<T>;

/** Lets a few searches run at once: no number of them keeps the database from calls. */
export function limitSearches(): RunSearch {
  const inTurn = limitConcurrency(atOnce);
  let open = 0;
  return async (search) => {
    if (open >= atOnce + mostWaiting) {
      throw new DomainError("exhausted", "too many searches of the audit log wait: try again", { retryAfterMs: 1_000 });
    }
    open += 1;
    try {
      return await inTurn(search);
    } finally {
      open -= 1;
    }
  };
}
