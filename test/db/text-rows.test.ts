import { sql } from "drizzle-orm";
import { bigint, integer, jsonb, pgTable, text, timestamp, uuid } from "drizzle-orm/pg-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { asTexts, type TextRow } from "../../src/db/text-rows.js";
import { openTestDatabase, type TestDatabase } from "../support/database.js";

const samples = pgTable("samples", {
  id: uuid().primaryKey(),
  longName: text().notNull(),
  size: bigint({ mode: "bigint" }).notNull(),
  count: integer(),
  tags: text().array().notNull(),
  labels: jsonb(),
  seenAt: timestamp({ withTimezone: true }),
});
const { id, longName, size, count, tags, labels, seenAt } = samples;
const columns = { id, longName, size, count, tags, labels, seenAt };

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
  await database.server.db.execute(sql`
    create table samples (id uuid, long_name text, size bigint, count int, tags text[], labels jsonb,
      seen_at timestamptz)`);
});
afterAll(() => database.close());

it("rows are texts under the names of their columns, with every digit, and nulls stay", async () => {
  const { db } = database.server;
  const first = "00000000-0000-4000-8000-000000000001";
  const second = "00000000-0000-4000-8000-000000000002";
  await db.execute(sql`
    insert into samples values
      (${first}, 'é "x"', 9223372036854775807, -3, array['a,b', '{}', 'null', 'c"d', ''], '{"k": [1.5, null]}',
        '2026-01-02T03:04:05.123456Z'),
      (${second}, '', 0, null, '{}', null, null)`);
  const { rows } = await db.execute<TextRow<typeof columns>>(
    db.select(asTexts(columns)).from(samples).orderBy(samples.id),
  );
  expect(rows).toMatchObject([
    { id: first, longName: 'é "x"', size: "9223372036854775807", count: "-3", labels: '{"k": [1.5, null]}' },
    { id: second, longName: "", size: "0", count: null, tags: "[]", labels: null, seenAt: null },
  ]);
  expect(JSON.parse(rows[0]?.tags ?? "")).toEqual(["a,b", "{}", "null", 'c"d', ""]);
  expect(rows[0]?.seenAt).toContain(".123456");
});
