/** How much of something may be done. */
export interface RateLimit {
  /** How often at once, and in each `seconds` that follow; a whole number, 0 means no limit. */
  readonly calls: number;
  /** How long it takes until all of that may be done again, in whole seconds. */
  readonly seconds: number;
}

/** What a bucket says of one more call. */
export interface RateVerdict {
  readonly allowed: boolean;
  /** Whether a record is due: of each call that is allowed, and of one in `seconds` of those that are not. */
  readonly recorded: boolean;
  /** Time until the next call is allowed, in whole milliseconds; 0 when this one is. */
  readonly retryAfterMs: number;
}

/** One bucket for each key. */
export interface TokenBuckets {
  /** Takes one call from the bucket of a key. */
  take(key: string): RateVerdict;
  /** How many buckets are remembered. */
  readonly size: number;
}

/** When a bucket will be full again, in `calls` for each millisecond, and when a refusal was last recorded. */
interface Bucket {
  fullAt: number;
  recordedAt: number;
}

const mostBuckets = 65_536;

const allowed: RateVerdict = { allowed: true, recorded: true, retryAfterMs: 0 };

/**
 * Buckets that hold `calls` and fill up steadily within `seconds`. `now` counts milliseconds and never
 * falls. Nothing runs while nobody calls: a bucket is described by the moment when it will be full again,
 * and one that is full by nothing. At most `most` are remembered, those that were used last; one is
 * forgotten early only when more than `most` keys come within `seconds`.
 */
export function createTokenBuckets({ calls, seconds }: RateLimit, now: () => number, most = mostBuckets): TokenBuckets {
  const buckets = new Map<string, Bucket>();
  // Time in units of 1/calls of a millisecond: whole numbers, so that nothing is lost to rounding.
  const cost = seconds * 1000;
  const room = (calls - 1) * cost;
  const bucketOf = (key: string): Bucket => {
    const bucket = buckets.get(key) ?? { fullAt: 0, recordedAt: Number.NEGATIVE_INFINITY };
    buckets.delete(key);
    const oldest = buckets.size >= most ? buckets.keys().next().value : undefined;
    if (oldest !== undefined) buckets.delete(oldest);
    buckets.set(key, bucket);
    return bucket;
  };
  return {
    take(key) {
      if (calls === 0) return allowed;
      const at = now();
      const bucket = bucketOf(key);
      const missing = bucket.fullAt - room - at * calls;
      if (missing <= 0) {
        bucket.fullAt = Math.max(bucket.fullAt, at * calls) + cost;
        return allowed;
      }
      const recorded = at - bucket.recordedAt >= seconds * 1000;
      if (recorded) bucket.recordedAt = at;
      return { allowed: false, recorded, retryAfterMs: Math.ceil(missing / calls) };
    },
    get size() {
      return buckets.size;
    },
  };
}
