import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { targetVersion } from "../../../../../src/resources/api/cluster/maintenance/target.js";
import { isTimeZone, windowAt } from "../../../../../src/resources/api/cluster/maintenance/window.js";

const at = (text: string) => new Date(text);
const open = (begin: string, seconds: number, zone: string, now: string) =>
  windowAt(at(begin), seconds, zone, at(now))?.begin.toISOString();

describe("the maintenance window", () => {
  it.each([
    ["2026-11-20T21:59:59Z", undefined],
    ["2026-11-20T22:00:00Z", "2026-11-20T22:00:00.000Z"],
    ["2026-11-20T23:59:59Z", "2026-11-20T22:00:00.000Z"],
    ["2026-11-21T00:00:00Z", undefined],
  ])("of 22:00 UTC and two hours at %s began at %s", (now, begin) => {
    expect(open("2026-01-01T22:00:00Z", 7_200, "UTC", now)).toBe(begin);
  });

  it("goes over midnight", () => {
    expect(open("2026-01-01T23:30:00Z", 7_200, "UTC", "2026-11-21T01:00:00Z")).toBe("2026-11-20T23:30:00.000Z");
  });

  it("begins at the same time of day in its zone, in winter and in summer", () => {
    // 02:15 in Berlin: 01:15 UTC in winter, 00:15 UTC in summer.
    expect(open("2026-01-01T01:15:00Z", 3_600, "Europe/Berlin", "2026-02-01T01:30:00Z")).toBe(
      "2026-02-01T01:15:00.000Z",
    );
    expect(open("2026-01-01T01:15:00Z", 3_600, "Europe/Berlin", "2026-07-01T00:30:00Z")).toBe(
      "2026-07-01T00:15:00.000Z",
    );
    expect(open("2026-01-01T01:15:00Z", 3_600, "Europe/Berlin", "2026-07-01T01:30:00Z")).toBeUndefined();
  });

  it("is there once on the day that clocks are put forward over its begin", () => {
    // 02:30 does not exist in Berlin on 2026-03-29.
    const begins = momentsOf("2026-03-29T00:00:00Z", 6, (now) =>
      open("2026-01-01T01:30:00Z", 3_600, "Europe/Berlin", now),
    );
    expect(begins).toHaveLength(1);
    expect(Math.abs(at(begins[0] ?? "").getTime() - at("2026-03-29T01:00:00Z").getTime())).toBeLessThanOrEqual(
      30 * 60_000,
    );
  });

  it("is there once on the day that clocks are put back over its begin", () => {
    // 02:30 is there twice in Berlin on 2026-10-25: at 00:30 and 01:30 UTC.
    const begins = momentsOf("2026-10-24T22:00:00Z", 6, (now) =>
      open("2026-01-01T01:30:00Z", 3_600, "Europe/Berlin", now),
    );
    expect(begins).toEqual(["2026-10-25T00:30:00.000Z"]);
  });

  it("is open for its length on every day, and never twice", () => {
    const zones = fc.constantFrom("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu");
    const begins = fc.date({ min: at("2026-01-01T00:00:00Z"), max: at("2026-12-31T00:00:00Z"), noInvalidDate: true });
    fc.assert(
      fc.property(zones, begins, begins, fc.integer({ min: 3_600, max: 14_399 }), (zone, begin, now, seconds) => {
        const window = windowAt(begin, seconds, zone, now);
        if (window === undefined) return;
        expect(window.begin <= now && now < window.end).toBe(true);
        expect(window.end.getTime() - window.begin.getTime()).toBe(seconds * 1000);
        expect(windowAt(begin, seconds, zone, window.begin)?.begin).toEqual(window.begin);
        expect(windowAt(begin, seconds, zone, window.end)).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });

  it("knows time zones", () => {
    expect(isTimeZone("Europe/Berlin")).toBe(true);
    expect(isTimeZone("Moon/Crater")).toBe(false);
    expect(isTimeZone("")).toBe(false);
  });
});

/** Different answers within some hours, looked at every minute. */
function momentsOf(start: string, hours: number, look: (now: string) => string | undefined): string[] {
  const found = new Set<string>();
  for (let minute = 0; minute < hours * 60; minute++) {
    const begin = look(new Date(at(start).getTime() + minute * 60_000).toISOString());
    if (begin !== undefined) found.add(begin);
  }
  return [...found];
}

describe("the version that a cluster gets", () => {
  const now = at("2026-06-01T00:00:00Z");
  const gone = at("2026-05-01T00:00:00Z");
  const offered = (...versions: (string | [string, Date])[]) =>
    versions.map((one) =>
      typeof one === "string" ? { version: one, expiration: undefined } : { version: one[0], expiration: one[1] },
    );
  it.each([
    ["the newest patch", "1.32.4", true, offered("1.32.4", "1.32.6", "1.32.10", "1.33.2"), "1.32.10"],
    ["nothing when it has the newest", "1.32.6", true, offered("1.32.4", "1.32.6", "1.33.2"), undefined],
    ["nothing older", "1.32.9", true, offered("1.32.4"), undefined],
    ["nothing when it does not allow updates", "1.32.4", false, offered("1.32.4", "1.32.6"), undefined],
    ["no patch that has expired", "1.32.4", true, offered("1.32.4", ["1.32.6", gone]), undefined],
    [
      "the newest patch when its own has expired, whether it allows updates or not",
      "1.32.4",
      false,
      offered(["1.32.4", gone], "1.32.6"),
      "1.32.6",
    ],
    [
      "the next minor version when all of its own have expired",
      "1.31.2",
      true,
      offered(["1.31.2", gone], ["1.31.9", gone], "1.32.4", "1.32.6", "1.33.2"),
      "1.32.6",
    ],
    [
      "no other minor version when it does not allow updates",
      "1.31.2",
      false,
      offered(["1.31.2", gone], "1.32.4"),
      undefined,
    ],
    ["no minor version skipped", "1.31.2", true, offered(["1.31.2", gone], "1.33.2"), undefined],
    ["nothing when its own is no longer listed", "1.30.1", true, offered("1.31.2"), undefined],
  ] as const)("is %s", (_, current, autoupdate, versions, expected) => {
    expect(targetVersion(current, { autoupdate, offered: versions, now })).toBe(expected);
  });

  it("is never older, of another major version, or expired", () => {
    const version = fc.tuple(fc.constantFrom(1, 2), fc.nat(4), fc.nat(4)).map((parts) => parts.join("."));
    const entry = fc.record({ version, expiration: fc.constantFrom(undefined, gone, at("2027-01-01T00:00:00Z")) });
    fc.assert(
      fc.property(version, fc.boolean(), fc.array(entry), (current, autoupdate, versions) => {
        const target = targetVersion(current, { autoupdate, offered: versions, now });
        if (target === undefined) return;
        const [a, b] = [current, target].map((text) => text.split(".").map(Number));
        expect(b?.[0]).toBe(a?.[0]);
        expect((b?.[1] ?? 0) - (a?.[1] ?? 0)).toBeLessThanOrEqual(1);
        expect([b?.[1] ?? 0, b?.[2] ?? 0] > [a?.[1] ?? 0, a?.[2] ?? 0]).toBe(true);
        expect(versions.some((one) => one.version === target && one.expiration !== gone)).toBe(true);
      }),
    );
  });
});
