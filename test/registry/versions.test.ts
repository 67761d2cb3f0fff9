import fc from "fast-check";
import { compare, valid } from "semver";
import { describe, expect, it, test } from "vitest";
import { newestOf, parseConstraint, parseVersion } from "../../src/registry/versions.js";

const versions = ["0.9.0", "1.0.0", "1.1.0", "1.2.0-rc.1", "1.2.0", "1.10.0", "2.0.0", "2.1.0-beta.1", "junk", "v3"];
const newest = (text: string, all: readonly string[] = versions) => {
  const constraint = parseConstraint(text);
  return constraint === undefined
    ? "bad"
    : newestOf(
        all.map((version) => ({ version })),
        constraint,
      )?.version;
};

describe("the newest version that would do", () => {
  test.each([
    ["", "v3"],
    ["*", "v3"],
    ["1.2.0", "1.2.0"],
    ["=1.2.0", "1.2.0"],
    ["v1.2.0", "1.2.0"],
    ["^1.0", "1.10.0"],
    ["~1.2", "1.2.0"],
    ["1.x", "1.10.0"],
    ["1", "1.10.0"],
    [">=1.0.0, <2.0.0", "1.10.0"],
    [">= 1.0.0 < 1.2", "1.1.0"],
    ["1.0 - 1.2", "1.2.0"],
    ["^0.9 || ^1.0", "1.10.0"],
    [">=1.0, !=1.10.0, <2", "1.2.0"],
    ["!=3, !=2.0.0", "1.10.0"],
    ["=>2", "v3"],
    [">=2.1.0-0, <3.0.0-0", "2.1.0-beta.1"],
    ["1.2.0-rc.1", "1.2.0-rc.1"],
    ["^4", undefined],
    ["newest", "bad"],
    [">=", "bad"],
    ["1.2.3.4", "bad"],
    ["^1 ||| 2", "bad"],
    ["1".repeat(300), "bad"],
  ])("%j", (text, expected) => {
    expect(newest(text)).toBe(expected);
  });

  it("is one of them, would do, and none that would is newer", () => {
    const number = fc.nat({ max: 3 });
    const version = fc
      .tuple(number, number, number, fc.constantFrom("", "", "-rc.1", "+b1"))
      .map(([a, b, c, end]) => `${a}.${b}.${c}${end}`);
    const operator = fc.constantFrom("", "^", "~", ">=", "<", "!=", "<=", ">");
    const constraint = fc.array(
      fc.tuple(operator, version).map((pair) => pair.join("")),
      { maxLength: 3 },
    );
    fc.assert(
      fc.property(fc.array(version, { maxLength: 12 }), constraint, (all, words) => {
        const would = parseConstraint(words.join(", "));
        expect(would).toBeDefined();
        const fitting = all.filter((one) => would?.(parseVersion(one) ?? expect.fail(one)));
        const found = newest(words.join(", "), all);
        if (found === undefined) expect(fitting).toEqual([]);
        else {
          expect(fitting).toContain(found);
          for (const other of fitting) expect(compare(found, other)).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });

  it("is never a prerelease unless one is asked for", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...versions)),
        fc.constantFrom("", "*", ">=0", "^1.0", "1.x"),
        (all, text) => {
          expect(newest(text, all) ?? "").not.toContain("-");
        },
      ),
    );
  });

  it("reads any text, or says that it cannot", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        parseConstraint(text);
        const version = parseVersion(text);
        expect(version === undefined || valid(version.version) !== null).toBe(true);
      }),
    );
  });
});
