import { eq, sql } from "drizzle-orm";
import { boolean, integer, jsonb, pgTable, text, timestamp, uuid } from "drizzle-orm/pg-core";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { inBatches } from "../../src/db/batches.js";
import type { Database } from "../../src/db/database.js";
import { timeOf, timestampOfText } from "../../src/db/decode.js";
import { constraintOf } from "../../src/db/errors.js";
import { remembered } from "../../src/db/remembered.js";
import { columnsOf, queries, statement } from "../../src/db/statement.js";
import { insertGiven, updateGiven } from "../../src/db/write.js";
import { timestampAt } from "../../src/timestamp.js";
import { openTestDatabase, type TestDatabase } from "../support/database.js";

const pets = pgTable("pets", {
  id: uuid().primaryKey(),
  petName: text().notNull(),
  legs: integer(),
  tame: boolean().notNull(),
  likes: text().array().notNull(),
  facts: jsonb().$type<{ readonly weight: number } | null>(),
  bornAt: timestamp({ withTimezone: true }).notNull(),
});
const { id, petName, legs, tame, likes, facts, bornAt } = pets;
const given = sql.placeholder;
const fields = { id, petName, legs, tame, likes, facts, bornAt };

const add = statement("test_add", fields, () => sql`${insertGiven(pets, fields)} returning ${columnsOf(fields)}`);
const byId = statement("test_get", fields, () =>
  queries
    .select(fields)
    .from(pets)
    .where(eq(id, given("id"))),
);
const rename = statement(
  "test_rename",
  { id },
  () =>
    sql`${updateGiven(pets, { petName }, [[legs, sql`coalesce(${legs}, 0) + 1`]], eq(id, given("id")))} returning ${id}`,
);

const rex = {
  id: "00000000-0000-7000-8000-000000000001",
  petName: "Rex 'é' \"q\"",
  legs: null,
  tame: true,
  likes: ["a,b", 'c"d', "e\\", "{}", "null", ""],
  facts: { weight: 2.5 },
  bornAt: new Date("2024-02-29T12:34:56.789Z"),
};
const mia = { ...rex, id: "00000000-0000-7000-8000-000000000002", petName: "mia", legs: 4, tame: false, facts: null };

let database: TestDatabase;
const db = (): Database => database.server.db;
beforeAll(async () => {
  database = await openTestDatabase();
  await db().execute(sql`create table pets (id uuid primary key, pet_name text not null constraint pets_name unique,
    legs int, tame boolean not null, likes text[] not null, facts jsonb, born_at timestamptz not null)`);
});
afterAll(() => database.close());
beforeEach(async () => {
  await db().delete(pets);
});

describe("a statement", () => {
  test("writes and reads values as drizzle reads them, nulls too, in transactions and outside", async () => {
    expect(await add(db(), rex)).toEqual([rex]);
    await db().transaction(async (tx) => {
      expect(await add(tx, mia)).toEqual([mia]);
      expect(await byId(tx, mia)).toEqual([mia]);
    });
    for (const pet of [rex, mia]) {
      expect(await byId(db(), { id: pet.id })).toEqual(await db().select(fields).from(pets).where(eq(id, pet.id)));
    }
    expect(await rename(db(), { id: rex.id, petName: "old rex" })).toEqual([{ id: rex.id }]);
    expect(await byId(db(), rex)).toEqual([{ ...rex, petName: "old rex", legs: 1 }]);
    expect(await rename(db(), { id: rex.id.replace("1", "3"), petName: "nobody" })).toEqual([]);
  });

  test("leaves nothing of a transaction that fails, and names the constraint that was broken", async () => {
    const failed = db().transaction(async (tx) => {
      await add(tx, rex);
      await add(tx, { ...mia, petName: rex.petName });
    });
    expect(constraintOf(await failed.catch((error: unknown) => error))).toBe("pets_name");
    expect(await byId(db(), rex)).toEqual([]);
  });

  test("is parsed once by a connection", async () => {
    await db().transaction(async (tx) => {
      for (let i = 0; i < 3; i++) await byId(tx, rex);
      const { rows } = await tx.execute<{ name: string }>(
        sql`select name from pg_prepared_statements where statement like '%"pets"%' and name like '%test_get'`,
      );
      // The embedded database has one backend for all sessions.
      expect(rows.length).toBeGreaterThanOrEqual(1);
      if (database.server.kind === "postgres") expect(rows).toEqual([{ name: "test_get" }]);
    });
  });

  test("has one name in the program, and a value for each of its placeholders", async () => {
    expect(() => statement("test_get", { id }, () => sql`select 1`)).toThrow("two statements test_get");
    await expect(byId(db(), {})).rejects.toThrow("no value for id");
  });
});

describe("reads in batches", () => {
  const many = statement(
    "test_many",
    fields,
    () => sql`select ${columnsOf(fields)} from ${pets} where ${id} = any(${given("ids")}::uuid[])`,
  );
  const reads: string[][] = [];
  const read = inBatches<string, typeof rex | typeof mia>({
    read: async (on, ids) => {
      reads.push([...ids]);
      return (await many(on, { ids })) as (typeof rex)[];
    },
    nameOf: (name) => name,
    nameOfRow: (row) => row.id,
  });
  beforeEach(() => {
    reads.length = 0;
  });

  test("of one moment share a statement, each with its own row or none; later ones have another", async () => {
    await add(db(), rex);
    const missing = "00000000-0000-7000-8000-000000000009";
    const [one, same, none] = await Promise.all([rex.id, rex.id, missing].map((name) => read(db(), name)));
    expect([one, same, none]).toEqual([rex, rex, undefined]);
    expect(reads).toEqual([[rex.id, missing]]);
    await rename(db(), { id: rex.id, petName: "rex, again" });
    expect(await read(db(), rex.id)).toMatchObject({ petName: "rex, again" });
    expect(reads).toHaveLength(2);
  });

  test("are cut at 100 keys", async () => {
    const ids = Array.from({ length: 250 }, (_, i) => `00000000-0000-7000-8000-${String(i).padStart(12, "0")}`);
    await Promise.all(ids.map((name) => read(db(), name)));
    expect(reads.map((keys) => keys.length)).toEqual([100, 100, 50]);
  });

  test("of a transaction see what it wrote, and others do not", async () => {
    await db()
      .transaction(async (tx) => {
        await add(tx, rex);
        expect(await read(tx, rex.id)).toEqual(rex);
        tx.rollback();
      })
      .catch(() => {});
    expect(await read(db(), rex.id)).toBeUndefined();
  });

  test("that fail fail for all who share them, and for nobody else", async () => {
    const failing = [read(db(), "no uuid"), read(db(), rex.id)].map((one) => one.catch((error: unknown) => error));
    for (const error of await Promise.all(failing)) expect(error).toBeInstanceOf(Error);
    expect(await read(db(), rex.id)).toBeUndefined();
  });
});

describe("times", () => {
  const moment = fc.date({
    min: new Date("0001-01-01T00:00:00Z"),
    max: new Date("9999-12-31T23:59:59.999Z"),
    noInvalidDate: true,
  });
  const fraction = fc.constantFrom("", ".1", ".12", ".123", ".1234", ".123456", ".000001", ".9", ".999999");
  const zone = fc.constantFrom("+00", "+02", "-11", "+14", "+05:30", "-00:44");

  test("of the database are those that ISO 8601 says", () => {
    fc.assert(
      fc.property(moment, fraction, zone, (date, digits, offset) => {
        const written = `${date.toISOString().slice(0, 19).replace("T", " ")}${digits}${offset}`;
        const iso = `${written.replace(" ", "T")}${offset.length === 3 ? ":00" : ""}`;
        expect(timeOf(written)).toEqual(new Date(iso));
        expect(timestampOfText(written)).toEqual(timestampAt(new Date(iso).getTime()));
      }),
    );
  });

  test("that are written by a real database are the ones that were stored", async () => {
    for (const at of ["1969-12-31T23:59:59.999Z", "2000-02-29T00:00:00Z", "2100-03-01T00:00:00.010Z"]) {
      await db().delete(pets);
      expect(await add(db(), { ...rex, bornAt: new Date(at) })).toMatchObject([{ bornAt: new Date(at) }]);
    }
  });

  test("that are none of the calendar's are invalid", () => {
    for (const odd of ["infinity", "0044-03-15 12:00:00+00 BC", ""]) {
      expect(timeOf(odd).getTime()).toBeNaN();
    }
  });
});

test("what was made of a text is made again once it is forgotten, and of long texts each time", () => {
  const made: string[] = [];
  const make = remembered((word) => made.push(word) && { word }, 2);
  expect(make("a")).toBe(make("a"));
  expect(make("a")).toEqual({ word: "a" });
  for (const word of ["b", "c", "d", "e", "a"]) make(word);
  expect(made.filter((word) => word === "a")).toHaveLength(2);
  const long = "x".repeat(20_000);
  expect(make(long)).toEqual(make(long));
  expect(made.filter((word) => word === long)).toHaveLength(2);
});
