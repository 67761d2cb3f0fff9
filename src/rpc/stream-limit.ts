import type { Interceptor } from "@connectrpc/connect";
import { callerKey } from "../caller.js";
import { DomainError } from "../errors.js";
import { callOf } from "./call.js";
import { networkOf } from "./rate-limit.js";
import { createTokenBuckets } from "./token-bucket.js";

/** How many streams may be open at once; 0 means no limit. */
export interface StreamLimits {
  /** Without a token, and of public methods, which do not look at tokens: of all callers together. */
  readonly anonymousStreams: number;
  /** The same of one network: an IPv4 address, or an IPv6 /64. */
  readonly anonymousStreamsPerNetwork: number;
  /** With one token, from wherever it is used. */
  readonly tokenStreams: number;
}

/** Nobody knows when a stream will end: a guess that lets nobody ask in a hurry. */
const retryAfterMs = 5_000;

/**
 * Refuses streams that are too many beside those that are open: a rate bounds how fast streams are opened,
 * not how many stay. It stands before anything of a stream is read, so that one that never sends its request
 * counts, too. Each interceptor counts by itself; `now` counts milliseconds and never falls.
 */
export function limitStreams(limits: StreamLimits, now: () => number): Interceptor {
  const anonymous = countOpen(limits.anonymousStreamsPerNetwork, limits.anonymousStreams);
  const withToken = countOpen(limits.tokenStreams, 0);
  const records = createTokenBuckets({ calls: 1, seconds: 1 }, now);
  return (next) => (req) => {
    if (!req.stream) return next(req);
    const call = callOf(req);
    const caller = req.contextValues.get(callerKey);
    const open = caller === undefined ? anonymous : withToken;
    const key = caller?.tokenId ?? networkOf(call.peer.address);
    const full = open.add(key, req.signal);
    if (full !== undefined) {
      // Of a flood one refusal each second is audited.
      call.recorded = records.take(key).allowed;
      throw new DomainError("exhausted", refusals[caller === undefined ? full : "token"], { retryAfterMs });
    }
    return next(req);
  };
}

const refusals = {
  key: "too many streams without a token are open from this address; close one first",
  all: "too many streams without a token are open at this server; try another one, or later",
  token: "too many streams are open with this token; close one first",
};

interface OpenCounts {
  /** Counts one more until the signal fires, as it does however a stream ends; or says what is full. */
  add(key: string, signal: AbortSignal): "key" | "all" | undefined;
}

/** Counts what is open, of each key and of all together. Nothing is remembered of a key of which nothing is open. */
function countOpen(mostOfKey: number, most: number): OpenCounts {
  const counts = new Map<string, number>();
  let all = 0;
  const change = (key: string, by: 1 | -1): void => {
    const count = (counts.get(key) ?? 0) + by;
    if (count === 0) counts.delete(key);
    else counts.set(key, count);
    all += by;
  };
  return {
    add(key, signal) {
      if (mostOfKey > 0 && (counts.get(key) ?? 0) >= mostOfKey) return "key";
      if (most > 0 && all >= most) return "all";
      if (signal.aborted) return undefined;
      change(key, 1);
      signal.addEventListener("abort", () => change(key, -1), { once: true });
      return undefined;
    },
  };
}
