import { isIPv6 } from "node:net";
import { createContextKey, type Interceptor } from "@connectrpc/connect";
import { Visibility } from "../../gen/ts/api/v1/common_pb.js";
import { callerKey } from "../caller.js";
import { DomainError } from "../errors.js";
import { tokenIn } from "./authenticate.js";
import { type Call, callOf } from "./call.js";
import { createKnownTokens, type KnownTokens } from "./known-tokens.js";
import { createTokenBuckets, type RateLimit, type RateVerdict, type TokenBuckets } from "./token-bucket.js";

/** What may be called how often. */
export interface RateLimits {
  /** Of each source address: calls of public methods, without a token, and with one that is not known to hold. */
  readonly rateLimit: RateLimit;
  /** Of each token that holds, from wherever it is used. */
  readonly tokenRateLimit: RateLimit;
}

/** The buckets of one server, and which tokens have buckets of their own. */
export interface RateLimiter {
  /** Takes one call from the bucket of an address. */
  takeFromAddress(address: string): RateVerdict;
  /** By the id of the token. */
  readonly tokens: TokenBuckets;
  readonly known: KnownTokens;
}

/** Makes the buckets of one server, all of them full; `now` counts milliseconds and never falls. */
export function createRateLimiter(limits: RateLimits, now: () => number): RateLimiter {
  const addresses = createTokenBuckets(limits.rateLimit, now);
  return {
    takeFromAddress: (address) => addresses.take(networkOf(address)),
    tokens: createTokenBuckets(limits.tokenRateLimit, now),
    known: createKnownTokens(),
  };
}

/** Whether the bucket of the call's token was taken from. */
const tokenTakenKey = createContextKey(false, { description: "bucket of the token was taken from" });

/**
 * Refuses calls that are too many before anybody looks at their token: a token that has held is
 * counted by itself, so that it works wherever others flood; all else is counted by its address,
 * and so are public methods, where nobody would notice that a token does not hold any more.
 */
export function limitRate(limiter: RateLimiter): Interceptor {
  return (next) => (req) => {
    const call = callOf(req);
    const isPublic = call.policy.visibility === Visibility.PUBLIC;
    const token = isPublic ? undefined : tokenIn(req.header.get("authorization"));
    const caller = token === undefined ? undefined : limiter.known.callerOf(token);
    if (caller === undefined) {
      demand(call, limiter.takeFromAddress(call.peer.address), fromAddress);
      return next(req);
    }
    const verdict = limiter.tokens.take(caller.tokenId);
    // A refusal is the last that is heard of the call: its records say whose it was.
    if (!verdict.allowed) req.contextValues.set(callerKey, caller);
    demand(call, verdict, withToken);
    req.contextValues.set(tokenTakenKey, true);
    return next(req);
  };
}

/** Refuses calls with a token that was not known before, when there are too many with it elsewhere or in another spelling. */
export function limitTokenRate(limiter: RateLimiter): Interceptor {
  return (next) => (req) => {
    const caller = req.contextValues.get(callerKey);
    if (caller !== undefined && !req.contextValues.get(tokenTakenKey)) {
      demand(callOf(req), limiter.tokens.take(caller.tokenId), withToken);
    }
    return next(req);
  };
}

const fromAddress = "too many calls from this address that are public, or have no token that is known to hold";
const withToken = "too many calls with this token";

function demand(call: Call, { allowed, recorded, retryAfterMs }: RateVerdict, message: string): void {
  if (allowed) return;
  call.recorded = recorded;
  throw new DomainError("exhausted", message, { retryAfterMs });
}

/** The part of an address that belongs to one caller: whoever has one IPv6 address has its whole /64. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = "", tail = ""] = address.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === "" ? [] : tail.split(":");
  const groups = address.includes("::")
    ? [...left, ...Array(Math.max(0, 8 - left.length - right.length)).fill("0"), ...right]
    : left;
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, "").toLowerCase())
    .join(":");
}
