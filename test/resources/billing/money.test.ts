import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  amountOf,
  formatMinor,
  formatMoney,
  formatPercent,
  formatUnits,
  minorDigitsOf,
  partOf,
  roundHalfUp,
} from "../../../src/resources/billing/money.js";

const any = fc.bigInt(-(10n ** 30n), 10n ** 30n);
const positive = fc.bigInt(1n, 10n ** 20n);
const magnitude = (value: bigint): bigint => (value < 0n ? -value : value);

describe("rounding", () => {
  it("is off by a half at most, and goes away from 0 in the middle", () => {
    fc.assert(
      fc.property(any, positive, (dividend, divisor) => {
        const off = roundHalfUp(dividend, divisor) * divisor - dividend;
        expect(2n * magnitude(off) <= divisor).toBe(true);
        if (2n * magnitude(off) === divisor) expect(off > 0n).toBe(dividend > 0n);
      }),
    );
  });

  it("is the same on both sides of 0", () => {
    fc.assert(fc.property(any, positive, (a, b) => roundHalfUp(-a, b) === -roundHalfUp(a, b)));
    expect([5n, -5n, 4n, -4n, 0n].map((value) => roundHalfUp(value, 10n))).toEqual([1n, -1n, 0n, 0n, 0n]);
    expect(() => roundHalfUp(1n, 0n)).toThrow(RangeError);
  });
});

describe("amounts", () => {
  it("are the exact product, rounded once", () => {
    // 744 hours at 3.2 cents, and a gibibyte for an hour at 0.000125 cents.
    expect(amountOf({ quantity: 744n * 3_600n, unitSize: 3_600n, unitAmountNano: 3_200_000_000n })).toBe(2_381n);
    expect(amountOf({ quantity: 2n ** 30n * 3_600n, unitSize: 2n ** 30n * 3_600n, unitAmountNano: 125_000n })).toBe(0n);
    fc.assert(
      fc.property(any, positive, positive, (quantity, unitSize, unitAmountNano) => {
        const off = amountOf({ quantity, unitSize, unitAmountNano }) * unitSize * 10n ** 9n - quantity * unitAmountNano;
        expect(2n * magnitude(off) <= unitSize * 10n ** 9n).toBe(true);
      }),
    );
  });

  it("have parts in hundredths of a percent, which are the whole at 100 %", () => {
    expect([partOf(1_000n, 1_250), partOf(1_000n, 1), partOf(50n, 100), partOf(-50n, 100)]).toEqual([
      125n,
      0n,
      1n,
      -1n,
    ]);
    fc.assert(fc.property(any, (amount) => partOf(amount, 10_000) === amount));
  });
});

describe("amounts for people", () => {
  it("have as many decimals as their currency, and thousands apart", () => {
    expect(["eur", "jpy", "kwd", "not a code"].map(minorDigitsOf)).toEqual([2, 0, 3, 2]);
    const cases = [
      [0n, "eur", "0.00"],
      [-5n, "eur", "-0.05"],
      [123_456_789n, "eur", "1,234,567.89"],
      [-100_000n, "usd", "-1,000.00"],
      [1_234_567n, "jpy", "1,234,567"],
      [1_234_567n, "kwd", "1,234.567"],
    ] as const;
    for (const [amount, currency, text] of cases) expect(formatMinor(amount, currency)).toBe(text);
    expect(formatMoney(123_450n, "eur")).toBe("EUR 1,234.50");
    expect([0, 1, 700, 1_250, 1_900, 10_000].map(formatPercent)).toEqual(["0", "0.01", "7", "12.5", "19", "100"]);
    expect(formatUnits(5_400n, 3_600n, 6)).toBe("1.5");
    expect(formatUnits(-1n, 3_600n, 6)).toBe("-0.000278");
  });

  it("say the amount and nothing else", () => {
    fc.assert(
      fc.property(fc.bigInt(), fc.constantFrom("eur", "jpy", "kwd"), (amount, currency) => {
        const text = formatMinor(amount, currency);
        expect(BigInt(text.replace(/[,.]/g, ""))).toBe(amount);
        expect(text).toMatch(/^-?\d{1,3}(,\d{3})*(\.\d+)?$/);
      }),
    );
  });
});
