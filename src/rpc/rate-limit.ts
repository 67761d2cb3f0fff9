import { createHmac, randomBytes } from "node:crypto";
import { isIPv6 } from "node:net";
import type { Interceptor } from "@connectrpc/connect";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { DomainError } from "../errors.js";
import { callOf } from "./call.js";

export interface RateLimit {
  /** Calls that one source address may make in each window; 0 means no limit. */
  readonly calls: number;
  /** Length of a window in seconds. */
  readonly seconds: number;
}

// Addresses share this many counters, so that a flood of addresses cannot fill the memory.
const buckets = 65_536;

/** What a limiter says of one more call. */
export interface RateVerdict {
  readonly allowed: boolean;
  /** Whether a record is due: not of every call of a flood, but of the first one too many in each window. */
  readonly recorded: boolean;
  readonly retryAfterMs: number;
}

/** Counts the calls of each source address. */
export interface RateLimiter {
  count(address: string): Promise<RateVerdict>;
}

/** Makes the counters of one process. */
export function createRateLimiter(limit: RateLimit): RateLimiter {
  const allowed = { allowed: true, recorded: true, retryAfterMs: 0 };
  if (limit.calls === 0) return { count: async () => allowed };
  const limiter = new RateLimiterMemory({ points: limit.calls, duration: limit.seconds });
  const bucketOf = bucketing();
  return {
    async count(address) {
      try {
        await limiter.consume(bucketOf(address));
        return allowed;
      } catch (refusal) {
        if (!(refusal instanceof RateLimiterRes)) throw refusal;
        const recorded = refusal.consumedPoints === limit.calls + 1;
        return { allowed: false, recorded, retryAfterMs: refusal.msBeforeNext };
      }
    },
  };
}

/** Refuses calls of a source address that makes too many, before anybody looks at its token. */
export function limitRate(limiter: RateLimiter): Interceptor {
  return (next) => async (req) => {
    const call = callOf(req);
    const { allowed, recorded, retryAfterMs } = await limiter.count(call.peer.address);
    if (allowed) return next(req);
    call.recorded = recorded;
    throw new DomainError("exhausted", "too many calls from this address", { retryAfterMs });
  };
}

// The seed is new in each process: nobody can look for an address that shares a counter with another.
function bucketing(): (address: string) => string {
  const seed = randomBytes(16);
  return (address) => String(createHmac("sha256", seed).update(networkOf(address)).digest().readUInt32BE(0) % buckets);
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
