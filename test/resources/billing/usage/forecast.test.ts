import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PriceRow } from "../../../../src/resources/billing/price/store.js";
import { costOf, type UseStep, withSteps } from "../../../../src/resources/billing/usage/forecast.js";

const hours = 6;
const hour = 3_600;

const kinds = [
  { meter: "worker", variant: "small" },
  { meter: "worker", variant: "large" },
  { meter: "volume", variant: "standard" },
] as const;

/** Prices of a kind, or of all kinds of its meter, each from a whole hour on. */
const prices = fc
  .uniqueArray(
    fc.record({ kind: fc.constantFrom(...kinds), isGeneral: fc.boolean(), from: fc.integer({ min: -2, max: hours }) }),
    {
      selector: ({ kind, isGeneral, from }) => `${kind.meter}/${isGeneral ? "" : kind.variant}/${from}`,
      maxLength: 12,
    },
  )
  .map((list) =>
    list.map(
      ({ kind, isGeneral, from }, at): PriceRow => ({
        id: `price ${at}`,
        product: "product",
        name: "Product",
        description: "",
        meter: kind.meter,
        variant: isGeneral ? "" : kind.variant,
        productType: 1,
        unitLabel: "unit",
        unitSize: BigInt(hour),
        unitAmountNano: BigInt(at + 1) * 333_333_333n,
        currency: "eur",
        validFrom: new Date(from * hour * 1_000),
      }),
    ),
  );

const steps = fc.array(
  fc
    .record({
      kind: fc.constantFrom(...kinds),
      resource: fc.constantFrom("a", "b"),
      quantity: fc.bigInt(0n, 2n ** 40n),
      from: fc.nat(hours * hour),
      seconds: fc.nat(3 * hour),
    })
    .map(
      ({ kind, resource, quantity, from, seconds }): UseStep => ({
        ...kind,
        resource,
        quantity,
        from,
        until: from + seconds,
      }),
    ),
  { maxLength: 5 },
);

/** The same second by second: what holds then is looked up anew each time. */
function integrate(list: readonly UseStep[], all: readonly PriceRow[]): Map<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const { resource, meter, variant, quantity, from, until } of list) {
    for (let second = from; second < until; second += 1) {
      const newest = (of: string) =>
        all
          .filter(
            (price) => price.meter === meter && price.variant === of && price.validFrom.getTime() <= second * 1_000,
          )
          .reduce<PriceRow | undefined>(
            (best, price) => (best === undefined || price.validFrom > best.validFrom ? price : best),
            undefined,
          );
      const price = newest(variant) ?? newest("");
      if (price === undefined || quantity === 0n) continue;
      const key = `${resource} ${price.id}`;
      sums.set(key, (sums.get(key) ?? 0n) + quantity);
    }
  }
  return sums;
}

describe("what will be used", () => {
  it("is charged at the price that holds in each second, as direct integration shows", () => {
    fc.assert(
      fc.property(steps, prices, (list, all) => {
        const lines = withSteps([], list, all);
        const found = new Map(lines.map(({ resource, price, quantity }) => [`${resource} ${price.id}`, quantity]));
        expect(found).toEqual(integrate(list, all));
      }),
      { numRuns: 60 },
    );
  });

  it("is added to the line of what was used, which is rounded once; a correction stays by itself", () => {
    const [price] =
      fc.sample(
        prices.filter((list) => list.length > 0),
        { numRuns: 1, seed: 1 },
      )[0] ?? [];
    if (price === undefined) throw new Error("there is no price");
    const third = { ...price, variant: "small", meter: "worker", unitAmountNano: 400_000_000n } as const;
    const line = { resource: "a", price: third, correction: false, quantity: BigInt(hour) };
    const correction = { ...line, correction: true, quantity: -BigInt(hour) * 2n };
    const begin = third.validFrom.getTime() / 1_000;
    const step = {
      resource: "a",
      meter: "worker",
      variant: "small",
      quantity: 1n,
      from: begin,
      until: begin + hour,
    } as const;
    const lines = withSteps([line, correction], [step], [third]);
    expect(lines.map(({ correction: late, quantity }) => [late, quantity])).toEqual([
      [false, 2n * BigInt(hour)],
      [true, -2n * BigInt(hour)],
    ]);
    // 0.4 and 0.4 are 1 together, and 0 each.
    expect(costOf([line])).toBe(0n);
    expect(costOf(lines)).toBe(0n);
    expect(costOf(lines.slice(0, 1))).toBe(1n);
  });
});
