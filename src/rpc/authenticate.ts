import { createContextKey, type Interceptor } from "@connectrpc/connect";
import { Visibility } from "../../gen/ts/api/v1/common_pb.js";
import { type Caller, callerKey } from "../caller.js";
import { DomainError } from "../errors.js";
import { policyOf } from "./method-options.js";

/** Says whose token this is; throws a DomainError "unauthenticated" when it does not hold. */
export type Authenticate = (token: string, signal: AbortSignal) => Promise<Caller>;

/** Calls back once when what is known of a caller may no longer hold; answers how to stop. */
export type WatchCaller = (caller: Caller, onOutdated: () => void) => () => void;

/** Where the token of the call is left, for a second look at what its owner may do. */
export const tokenKey = createContextKey<string | undefined>(undefined, { description: "token" });

/**
 * Finds out who is calling. Without a token the caller is anonymous; public
 * methods do not look at tokens, so that a stale one does not close them.
 */
export function authenticateBy(authenticate: Authenticate): Interceptor {
  return (next) => async (req) => {
    if (policyOf(req.method).visibility !== Visibility.PUBLIC) {
      const token = bearerToken(req.header.get("authorization"));
      if (token !== undefined) {
        req.contextValues.set(tokenKey, token);
        req.contextValues.set(callerKey, await authenticate(token, req.signal));
      }
    }
    return next(req);
  };
}

const bearer = /^bearer(?:\s+(\S+))?$/i;

/** The token of an Authorization header, or undefined without one; throws on another scheme. */
export function bearerToken(header: string | null): string | undefined {
  const value = header?.trim() ?? "";
  if (value !== "" && !bearer.test(value)) {
    throw new DomainError("unauthenticated", "the Authorization header must read: Bearer <token>");
  }
  return tokenIn(value);
}

/** The token of an Authorization header, or undefined for one without a token or of another scheme. */
export function tokenIn(header: string | null): string | undefined {
  return bearer.exec(header?.trim() ?? "")?.[1];
}
