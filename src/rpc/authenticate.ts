import { createContextKey, type Interceptor } from "@connectrpc/connect";
import { Visibility } from "../../gen/ts/api/v1/common_pb.js";
import { type Caller, callerKey } from "../caller.js";
import { DomainError } from "../errors.js";
import { callOf } from "./call.js";

/**
 * Says whose token this is, at once where that is known already; throws a DomainError "unauthenticated" when it does
 * not hold.
 */
export type Authenticate = (token: string) => Caller | Promise<Caller>;

/** Calls back once when what is known of a caller may no longer hold; answers how to stop. */
export type WatchCaller = (caller: Caller, onOutdated: () => void) => () => void;

/** Where the token of the call is left, for a second look at what its owner may do. */
export const tokenKey = createContextKey<string | undefined>(undefined, { description: "token" });

/**
 * Finds out who is calling. Without a token the caller is anonymous; public
 * methods do not look at tokens, so that a stale one does not close them.
 */
export function authenticateBy(authenticate: Authenticate): Interceptor {
  return (next) => (req) => {
    if (callOf(req).policy.visibility === Visibility.PUBLIC) return next(req);
    const token = bearerToken(req.header.get("authorization"));
    if (token === undefined) return next(req);
    const { contextValues: values } = req;
    values.set(tokenKey, token);
    const caller = authenticate(token);
    // A caller who is known costs no turn.
    if (!(caller instanceof Promise)) {
      values.set(callerKey, caller);
      return next(req);
    }
    return caller.then((loaded) => {
      values.set(callerKey, loaded);
      return next(req);
    });
  };
}

const bearer = /^bearer(?:\s+(\S+))?$/i;

/** The token of an Authorization header, or undefined without one; throws on another scheme. */
export function bearerToken(header: string | null): string | undefined {
  const token = tokenIn(header);
  const value = header?.trim() ?? "";
  if (token === undefined && value !== "" && !bearer.test(value)) {
    throw new DomainError("unauthenticated", "the Authorization header must read: Bearer <token>");
  }
  return token;
}

// Read more than once for each call, at once.
let lastHeader = "";
let lastToken: string | undefined;

/** The token of an Authorization header, or undefined for one without a token or of another scheme. */
export function tokenIn(header: string | null): string | undefined {
  if (header === null) return undefined;
  if (header !== lastHeader) {
    lastToken = bearer.exec(header.trim())?.[1];
    lastHeader = header;
  }
  return lastToken;
}
