import { sql } from "drizzle-orm";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ScaleEntry } from "../../../../src/resources/deploy/spec/content.js";
import { scaleFor, scaleOfProcess, unitsOf } from "../../../../src/resources/deploy/spec/scale.js";
import { openTestDatabase, type TestDatabase } from "../../../support/database.js";
import { processNamed } from "./contents.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

const bounds = fc.record({ min: fc.nat(9), max: fc.nat(1_000), cpu: fc.nat(90), memory: fc.nat(90) });
const entry: fc.Arbitrary<ScaleEntry> = fc.record(
  { replicas: fc.nat(1_000), autoscale: bounds, stopped: fc.boolean() },
  { requiredKeys: ["replicas"] },
);
const scale = fc.dictionary(fc.constantFrom("web", "worker", "tidy", "constructor"), entry, { noNullPrototype: true });

test("units are counted as the database counts them", async () => {
  await fc.assert(
    fc.asyncProperty(scale, async (given) => {
      const { rows } = await database.server.db.execute<{ units: number }>(
        sql`select units_of(${JSON.stringify(given)}::jsonb) as units`,
      );
      expect(unitsOf(given)).toBe(rows[0]?.units);
    }),
  );
});

test("a process without an entry has 1 replica, and entries are for what runs all the time", () => {
  expect(scaleOfProcess({ web: { replicas: 3 } }, "web")).toEqual({ replicas: 3 });
  expect(scaleOfProcess({}, "constructor")).toEqual({ replicas: 1 });
  const processes = [processNamed("web"), processNamed("new"), { ...processNamed("tidy"), kind: "job" as const }];
  expect(scaleFor({ web: { replicas: 3 }, gone: { replicas: 9 }, tidy: { replicas: 1 } }, processes)).toEqual({
    web: { replicas: 3 },
    new: { replicas: 1 },
  });
});
