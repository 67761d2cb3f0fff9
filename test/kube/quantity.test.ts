import fc from "fast-check";
import { expect, test } from "vitest";
import { bytesOf, millisOf, mostBytes } from "../../src/kube/quantity.js";

test.each([
  ["1Gi", 2n ** 30n],
  ["1.5Ki", 1536n],
  ["1.5G", 1_500_000_000n],
  ["1e9", 1_000_000_000n],
  ["1E9", 1_000_000_000n],
  ["2E", 2n * 10n ** 18n],
  ["1e+30", mostBytes],
  ["1e999", mostBytes],
  ["0e999", 0n],
  ["1e-999", 1n],
  ["99999999999999999999", mostBytes],
  ["16Ei", mostBytes],
  ["1500m", 2n],
  ["1n", 1n],
  [".5", 1n],
  ["5.", 5n],
  ["+7", 7n],
  [1.5, 2n],
  [1e300, mostBytes],
  [0, 0n],
])("%s is %s bytes", (quantity, bytes) => {
  expect(bytesOf(quantity)).toBe(bytes);
});

test.each([
  "",
  ".",
  "-1",
  "-1Gi",
  "1 Gi",
  "1gi",
  "1KiB",
  "1e",
  "0x10",
  "Infinity",
  "NaN",
  "١",
  Number.NaN,
  -1,
  null,
  {},
  [],
  true,
])("%s is no quantity of bytes", (quantity) => {
  expect(bytesOf(quantity)).toBeUndefined();
});

/** What JSON may hold, also objects that lie about their own conversion. */
const anything = fc.oneof(
  fc.jsonValue(),
  fc.double(),
  fc.stringMatching(/^[+-]?\d{0,80}(\.\d{0,80})?([KMGTPE]i?|[numk]|[eE][+-]?\d{0,12})?$/),
  fc.constant({ toString: 1 }),
);

test("whatever is asked, the answer fits into 64 bits and is not negative", () => {
  fc.assert(
    fc.property(anything, (quantity) => {
      const bytes = bytesOf(quantity);
      if (bytes === undefined) return;
      expect(bytes).toBeGreaterThanOrEqual(0n);
      expect(bytes).toBeLessThanOrEqual(mostBytes);
    }),
    { numRuns: 2_000 },
  );
});

test("whole numbers with a suffix are exact", () => {
  const suffixes = Object.entries({
    "": 1n,
    k: 1000n,
    Ki: 1024n,
    M: 10n ** 6n,
    Mi: 2n ** 20n,
    G: 10n ** 9n,
    Gi: 2n ** 30n,
  });
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 70n }), fc.constantFrom(...suffixes), (number, [suffix, factor]) => {
      const exact = number * factor;
      expect(bytesOf(`${number}${suffix}`)).toBe(exact < mostBytes ? exact : mostBytes);
    }),
  );
});

test.each([
  ["250m", 250n],
  ["1", 1000n],
  ["0.5", 500n],
  ["0.1m", 1n],
  ["1k", 1_000_000n],
  ["-1", undefined],
  ["one", undefined],
])("%s is %s thousandths", (quantity, millis) => {
  expect(millisOf(quantity)).toBe(millis);
});
