import fc from "fast-check";
import { expect, test } from "vitest";
import type { ReleaseChange, WholeRelease } from "../../../../src/resources/deploy/spec/content.js";
import { summaryOf } from "../../../../src/resources/deploy/spec/summary.js";
import { chart, configChange, image, merge, nginx, processNamed, secretIds, variable } from "./contents.js";

const [one = "", two = ""] = secretIds;
const active = nginx({ variables: [variable("A", "1"), variable("B", "2")], files: [{ path: "/b", content: "" }] });
const summary = (change: ReleaseChange, before: WholeRelease | undefined = active, rolledBack?: WholeRelease) =>
  summaryOf(change, before, merge({ active: before, change, rolledBack }));
const set = (...names: readonly string[]) => configChange({ setVariables: names.map((name) => variable(name, "new")) });

test("it says what was added, changed and removed", () => {
  expect(summary(set("HELLO"))).toBe("added HELLO");
  expect(summary({ config: { ...configChange({}).config!, ...set("A").config, unsetVariables: ["B"] } })).toBe(
    "changed A, removed B",
  );
  expect(summary(set("X", "Y", "Z"))).toBe("added X, Y and Z");
  expect(summary(set(..."CDEFGHIJ"))).toBe("added C, D, E, F and 4 more");
  const files = [{ path: "/a", content: "" }];
  expect(summary(configChange({ setFiles: files, unsetFiles: ["/b"] }))).toBe("added /a, removed /b");
});

test("it says what runs, and from where it was taken", () => {
  expect(summary({ source: image("nginx:1.28") })).toBe("image nginx:1.28");
  expect(summaryOf({ source: image("nginx:1.27") }, undefined, nginx())).toBe("image nginx:1.27");
  expect(summary({ source: { ...chart, variablesPath: "env" } })).toBe("chart redis 1.2.3");
  const processes = [{ ...processNamed("web"), args: ["-v"] }, processNamed("worker")];
  expect(summary({ processes })).toBe("added process worker, changed process web");
  expect(summary({ rollback: { number: 3, part: "all" } }, active, nginx())).toBe("rolled back to release 3");
  expect(summary({ rollback: { number: 3, part: "config" } }, active, nginx())).toBe(
    "rolled back the configuration to release 3",
  );
  expect(summary({ placement: { target: one, namespace: two } })).toBe("moved to another target");
  expect(summary({ placement: { target: active.placement.target, namespace: two } })).toBe(
    "moved to another namespace",
  );
});

test("it says when nothing was asked for", () => {
  expect(summary({})).toBe("released again");
  expect(summary(configChange({ setVariables: [variable("A", "1")] }))).toBe("released again");
  const use = { secret: one, key: "k", version: 1, follows: true };
  expect(summary({}, nginx({ variables: [variable("S", "", use)] }))).toBe("newer versions of secrets");
});

test("no value shows, and it is never too long", () => {
  const long = fc.constantFrom("x".repeat(128), `/${"y".repeat(254)}`);
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constantFrom("A", "B", "__proto__"), long), { minLength: 1 }), (names) => {
      const text = summary(configChange({ setVariables: [...new Set(names)].map((name) => variable(name, "hidden")) }));
      expect(text).not.toContain("hidden");
      expect(text.length).toBeLessThanOrEqual(512);
    }),
  );
});
