import { sql } from "drizzle-orm";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { storableJson, storableText } from "../../src/db/storable-json.js";
import { openTestDatabase, type TestDatabase } from "../support/database.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

const stored = async (value: unknown): Promise<unknown> => {
  const { rows } = await database.server.db.execute<{ value: unknown }>(
    sql`select ${storableJson(value)}::jsonb as value`,
  );
  return rows[0]?.value;
};

it("what the database can store stays as it is", async () => {
  const value = { text: "grüße 😀\n\t\u0001", list: [1, null, true, { "": "x" }], "k\u00e9y": {} };
  expect(await stored(value)).toEqual(value);
});

it("halves of characters are replaced and U+0000 is left out, in texts and in keys", async () => {
  const cut = "😀".slice(0, 1);
  expect(await stored({ [`a\u0000${cut}`]: [`b${cut}`, { c: `\u0000${"😀".slice(1)}d` }] })).toEqual({
    "a\ufffd": ["b\ufffd", { c: "\ufffdd" }],
  });
  expect(storableText(`x\u0000${cut}`)).toBe("x\ufffd");
});

it("whatever the texts are, the database can read them", async () => {
  const text = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) });
  await fc.assert(
    fc.asyncProperty(fc.dictionary(text, fc.array(text)), async (value) => {
      await expect(stored(value)).resolves.toBeDefined();
    }),
    { numRuns: 50 },
  );
});
