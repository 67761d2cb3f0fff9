import { hash } from "node:crypto";
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
  const remember = (key: string, caller: Caller): void => {
    callers.delete(key);
    const oldest = callers.size >= most ? callers.keys().next().value : undefined;
    if (oldest !== undefined) callers.delete(oldest);
    callers.set(key, caller);
  };
  return {
    callerOf: (token) => callers.get(keyOf(token)),
    remembering: (authenticate) => async (token, signal) => {
      try {
        const caller = await authenticate(token, signal);
        remember(keyOf(token), caller);
        return caller;
      } catch (error) {
        // A database that is away says nothing of the token.
        if (error instanceof DomainError && error.kind === "unauthenticated") callers.delete(keyOf(token));
        throw error;
      }
    },
  };
}

/** The secret itself is not kept, only its digest. */
const keyOf = (token: string): string => hash("sha256", token, "base64url");
