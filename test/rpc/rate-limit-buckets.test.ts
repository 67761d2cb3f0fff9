import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createTokenBuckets, type RateLimit } from "../../src/rpc/token-bucket.js";

const limits = fc.record({ calls: fc.integer({ min: 1, max: 7 }), seconds: fc.integer({ min: 1, max: 3 }) });
const steps = (keys: number) =>
  fc.array(
    fc.record({
      key: fc.integer({ min: 0, max: keys - 1 }).map(String),
      afterMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 10_000 })),
    }),
    { maxLength: 60 },
  );

/** A bucket as books describe it: tokens that drip in, counted in thousandths of a token's share of a second. */
function modelBucket({ calls, seconds }: RateLimit) {
  const [full, price] = [calls * seconds * 1000, seconds * 1000];
  let tokens = full;
  let last = 0;
  return (at: number): boolean => {
    tokens = Math.min(full, tokens + (at - last) * calls);
    last = at;
    if (tokens < price) return false;
    tokens -= price;
    return true;
  };
}

function steered(limit: RateLimit, most?: number) {
  const clock = { at: 5_000 };
  const buckets = createTokenBuckets(limit, () => clock.at, most);
  return { clock, buckets };
}

describe("a token bucket", () => {
  it("allows what a bucket with a drip allows, for each key by itself", () => {
    const holds = fc.property(limits, steps(3), (limit, calls) => {
      const { clock, buckets } = steered(limit);
      const models = new Map<string, ReturnType<typeof modelBucket>>();
      for (const { key, afterMs } of calls) {
        clock.at += afterMs;
        const model = models.get(key) ?? modelBucket(limit);
        models.set(key, model);
        expect(buckets.take(key).allowed).toBe(model(clock.at));
      }
    });
    fc.assert(holds, { numRuns: 500 });
  });

  it("never allows more than its burst and its rate in any window", () => {
    const holds = fc.property(limits, steps(1), (limit, calls) => {
      const { clock, buckets } = steered(limit);
      const taken: number[] = [];
      for (const { key, afterMs } of calls) {
        clock.at += afterMs;
        if (buckets.take(key).allowed) taken.push(clock.at);
      }
      for (const [first, from] of taken.entries()) {
        for (const [more, to] of taken.slice(first).entries()) {
          const beyondBurst = more + 1 - limit.calls;
          expect(beyondBurst * limit.seconds * 1000).toBeLessThanOrEqual((to - from) * limit.calls);
        }
      }
    });
    fc.assert(holds, { numRuns: 300 });
  });

  it("says exactly when the next call is allowed: then, and not a millisecond before", () => {
    const rates = fc.record({ calls: fc.integer({ min: 1, max: 50 }), seconds: fc.integer({ min: 1, max: 60 }) });
    const holds = fc.property(rates, fc.nat(100_000_000), fc.nat(1_000), (limit, start, idle) => {
      const early = steered(limit);
      const late = steered(limit);
      for (const { clock, buckets } of [early, late]) {
        clock.at = start;
        for (let taken = 0; taken < limit.calls; taken++) buckets.take("a");
        clock.at += idle;
        while (buckets.take("a").allowed);
      }
      const { allowed, retryAfterMs } = early.buckets.take("a");
      expect([allowed, Number.isInteger(retryAfterMs), retryAfterMs > 0]).toEqual([false, true, true]);
      early.clock.at += retryAfterMs - 1;
      late.clock.at += retryAfterMs;
      expect([early.buckets.take("a").allowed, late.buckets.take("a").allowed]).toEqual([false, true]);
    });
    fc.assert(holds, { numRuns: 300 });
  });

  it("keeps to the highest rate, too", () => {
    const { clock, buckets } = steered({ calls: 1_000_000, seconds: 1 });
    clock.at = 2_592_000_000;
    let taken = 0;
    while (buckets.take("a").allowed) taken += 1;
    expect([taken, buckets.take("a").retryAfterMs]).toEqual([1_000_000, 1]);
    clock.at += 1;
    while (buckets.take("a").allowed) taken += 1;
    expect(taken).toBe(1_001_000);
  });

  it("asks for one record of a flood in each window", () => {
    const { clock, buckets } = steered({ calls: 2, seconds: 1 });
    const flood = (calls: number) =>
      Array.from({ length: calls }, () => buckets.take("a")).filter((verdict) => !verdict.allowed && verdict.recorded);
    expect(flood(100)).toHaveLength(1);
    clock.at += 999;
    expect(flood(100)).toHaveLength(0);
    clock.at += 1;
    expect(flood(100)).toHaveLength(1);
    expect(buckets.take("b")).toEqual({ allowed: true, recorded: true, retryAfterMs: 0 });
  });

  it("allows everything, and remembers nothing, without a limit", () => {
    const { buckets } = steered({ calls: 0, seconds: 1 });
    for (let call = 0; call < 1_000; call++) expect(buckets.take("a").allowed).toBe(true);
    expect(buckets.size).toBe(0);
  });

  it("never remembers more buckets than it may", () => {
    const holds = fc.property(steps(20), fc.integer({ min: 1, max: 5 }), (calls, most) => {
      const { clock, buckets } = steered({ calls: 2, seconds: 1 }, most);
      for (const { key, afterMs } of calls) {
        clock.at += afterMs;
        buckets.take(key);
        expect(buckets.size).toBeLessThanOrEqual(most);
      }
    });
    fc.assert(holds);
  });

  it("forgets no bucket that is still filling up unless more keys come than it may remember", () => {
    const most = 4;
    const holds = fc.property(steps(12), (calls) => {
      const limit = { calls: 2, seconds: 1 };
      const { clock, buckets } = steered(limit, most);
      const models = new Map<string, ReturnType<typeof modelBucket>>();
      const lastUse = new Map<string, number>();
      for (const { key, afterMs } of calls) {
        clock.at += afterMs;
        const others = [...lastUse].filter(([other, at]) => other !== key && clock.at - at < limit.seconds * 1000);
        fc.pre(others.length < most);
        lastUse.set(key, clock.at);
        const model = models.get(key) ?? modelBucket(limit);
        models.set(key, model);
        expect(buckets.take(key).allowed).toBe(model(clock.at));
      }
    });
    fc.assert(holds, { numRuns: 300 });
  });
});
