import { tokenDigest } from "../auth/token-digest.js";
import type { Caller } from "../caller.js";
import { DomainError } from "../errors.js";
import type { Authenticate } from "./authenticate.js";

/** Which tokens have held when they were last looked at. */
export interface KnownTokens {
  /** The caller whom a token named last; undefined for one that was never seen or did not hold. No ground to let anybody in. */
  callerOf(token: string): Caller | undefined;
  /** The same authentication, which remembers the tokens that hold and forgets those that do not. */
  remembering(authenticate: Authenticate): Authenticate;
}

const mostTokens = 10_000;

/** Remembers at most `most` tokens, those that were used last; it outlives what is cached of their callers. */
export function createKnownTokens(most = mostTokens): KnownTokens {
  const callers = new Map<string, Caller>();
  let newest = "";
  const remember = (key: string, caller: Caller): void => {
    // One caller after another is the common case, in which there is nothing to put in order.
    if (key === newest && callers.get(key) === caller) return;
    newest = key;
    callers.delete(key);
    const oldest = callers.size >= most ? callers.keys().next().value : undefined;
    if (oldest !== undefined) callers.delete(oldest);
    callers.set(key, caller);
  };
  return {
    callerOf: (token) => callers.get(tokenDigest(token)),
    remembering(authenticate) {
      const holds = (token: string, caller: Caller): Caller => {
        remember(tokenDigest(token), caller);
        return caller;
      };
      const fails = (token: string, error: unknown): never => {
        // A database that is away says nothing of the token.
        if (error instanceof DomainError && error.kind === "unauthenticated") callers.delete(tokenDigest(token));
        throw error;
      };
      return (token) => {
        try {
          const caller = authenticate(token);
          if (!(caller instanceof Promise)) return holds(token, caller);
          return caller.then(
            (loaded) => holds(token, loaded),
            (error: unknown) => fails(token, error),
          );
        } catch (error) {
          return fails(token, error);
        }
      };
    },
  };
}
