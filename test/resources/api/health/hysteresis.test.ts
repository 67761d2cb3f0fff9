import fc from "fast-check";
import { expect, it } from "vitest";
import { next, type ProbeResult, type ProbeState, severity } from "../../../../src/resources/api/health/hysteresis.js";

const result = fc.constantFrom<ProbeResult>(
  { status: "healthy", message: "" },
  { status: "degraded", message: "slow" },
  { status: "degraded", message: "slower" },
  { status: "unhealthy", message: "away" },
);
const results = fc.array(result, { minLength: 1, maxLength: 40 });
const rules = fc.record({ worseAfter: fc.integer({ min: 1, max: 5 }), betterAfter: fc.integer({ min: 1, max: 5 }) });

/** The states after each result. */
function statesAfter(all: readonly ProbeResult[], hysteresis?: Parameters<typeof next>[2]): ProbeState[] {
  const states: ProbeState[] = [];
  for (const each of all) states.push(next(states.at(-1), each, hysteresis));
  return states;
}

const isWorse = (one: ProbeResult, other: ProbeResult) => severity[one.status] > severity[other.status];

it("the status changes after so many results in a row that are all worse or all better, and only then", () => {
  fc.assert(
    fc.property(results, rules, (all, { worseAfter, betterAfter }) => {
      const states = statesAfter(all, { worseAfter, betterAfter });
      for (let at = 1; at < all.length; at++) {
        const [before, after] = [states[at - 1]!, states[at]!];
        const lately = (count: number) => (count > at ? undefined : all.slice(at + 1 - count, at + 1));
        const worse = lately(worseAfter)?.every((each) => isWorse(each, before)) === true;
        const better = lately(betterAfter)?.every((each) => isWorse(before, each)) === true;
        // Results of before the last change do not count again: they said what is said now.
        if (after.status !== before.status) expect(worse || better).toBe(true);
        if (after.status !== before.status) expect(after.status).toBe(all[at]!.status);
      }
    }),
  );
});

it("what stays so is said in the end, and one exception does not change it", () => {
  fc.assert(
    fc.property(results, result, result, (before, lasting, exception) => {
      const settled = statesAfter([...before, lasting, lasting, lasting]).at(-1);
      expect(settled).toEqual({ ...lasting, streak: 0 });
      expect(next(settled, exception).status).toBe(lasting.status);
      expect(statesAfter([...before, lasting, lasting, lasting, exception, lasting]).at(-1)).toEqual(settled);
    }),
  );
});

it("a message belongs to the status with which it came", () => {
  fc.assert(
    fc.property(results, (all) => {
      for (const { status, message } of statesAfter(all)) {
        expect(all.some((each) => each.status === status && each.message === message)).toBe(true);
      }
    }),
  );
});

it("takes two bad results, and three good ones", () => {
  const good: ProbeResult = { status: "healthy", message: "" };
  const bad: ProbeResult = { status: "degraded", message: "slow" };
  const said = (...all: ProbeResult[]) => statesAfter(all).map(({ status }) => status === "healthy");
  expect(said(good, bad, good, bad, bad, good, good, bad, good, good, good)).toEqual([
    ...[true, true, true, true, false],
    ...[false, false, false, false, false, true],
  ]);
  expect(said(bad)).toEqual([false]);
});
