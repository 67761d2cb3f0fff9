import { expect, it } from "vitest";
import { compare, compareCost, figure, isReached, median, percentile } from "../../bench/measure.js";

it("a comparison's ratio is ours to the baseline's, and of costs the other way round", () => {
  expect(compare("calls", "calls/s", 300, 100)).toEqual({
    name: "calls",
    unit: "calls/s",
    ratio: 3,
    ours: 300,
    baseline: 100,
  });
  expect(compareCost("delivery", "ms", 50, 100, { atLeast: 1 })).toMatchObject({ ratio: 2, ours: 50, atLeast: 1 });
  expect(compare("nothing", "/min", 0, 0).ratio).toBe(1);
});

it("a goal is reached by a value below it, by a ratio that is no less, and by both where both are promised", () => {
  expect(isReached(figure("time", "ms", 10))).toBeUndefined();
  expect(isReached(figure("time", "ms", 9.9, { below: 10 }))).toBe(true);
  expect(isReached(figure("time", "ms", 10, { below: 10 }))).toBe(false);
  expect(isReached(compare("calls", "calls/s", 60, 100, { atLeast: 0.6 }))).toBe(true);
  expect(isReached(compare("calls", "calls/s", 59, 100, { atLeast: 0.6 }))).toBe(false);
  expect(isReached(compareCost("memory", "kB", 10, 20, { below: 16, atLeast: 1 }))).toBe(true);
  expect(isReached(compareCost("memory", "kB", 17, 20, { below: 16, atLeast: 1 }))).toBe(false);
  expect(isReached(compareCost("memory", "kB", 15, 10, { below: 16, atLeast: 1 }))).toBe(false);
});

it("the middle and the tail of samples are samples themselves", () => {
  expect(median([5, 1, 3])).toBe(3);
  expect(percentile([4, 1, 3, 2], 0.99)).toBe(4);
  expect(() => median([])).toThrow("no samples");
});
