import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cutPage, nextPage, pageOf } from "../../../src/resources/api/paging.js";

describe("a page", () => {
  it("is the first one of 100 unless the request says otherwise", () => {
    expect(pageOf(undefined)).toEqual({ limit: 100, offset: 0, page: 0 });
    expect(pageOf({}, { fallback: 20, most: 50 })).toEqual({ limit: 20, offset: 0, page: 0 });
    expect(pageOf({ page: 3n, count: 7n })).toEqual({ limit: 7, offset: 21, page: 3 });
  });

  it("has 1 to `most` entries, and a number that a database can count", () => {
    const most = { most: 50 };
    for (const paging of [{ count: 0n }, { count: 51n }, { page: 1_000_000_001n }, { page: 2n ** 64n - 1n }]) {
      expect(() => pageOf(paging, most)).toThrow(/paging\.(count|page): must be/);
    }
    expect(Number.isSafeInteger(pageOf({ page: 1_000_000_000n, count: 1_000n }).offset)).toBe(true);
  });

  it("together with those that it leads to is the whole list, once", () => {
    fc.assert(
      fc.property(fc.array(fc.nat()), fc.integer({ min: 1, max: 10 }), (list, count) => {
        const seen: number[] = [];
        let next: bigint | undefined = 0n;
        for (let calls = 0; next !== undefined; calls += 1) {
          expect(calls).toBeLessThanOrEqual(list.length);
          const page = pageOf({ page: next, count: BigInt(count) });
          const answer = cutPage(page, list.slice(page.offset, page.offset + page.limit + 1));
          seen.push(...answer.rows);
          next = answer.next.nextPage;
        }
        expect(seen).toEqual(list);
      }),
    );
    expect(nextPage(4, true)).toEqual({ nextPage: 5n });
    expect(nextPage(4, false)).toEqual({});
  });
});
