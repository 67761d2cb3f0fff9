import { execFileSync } from "node:child_process";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { meter } from "../../../../src/resources/billing/usage/meter.js";
import { usageStore } from "../../../../src/resources/billing/usage/store.js";
import { openTestDatabase, type TestDatabase } from "../../../support/database.js";
import { addFacts, addPrices, clearBook, type Fact, hourMs, recordedHours, uuid, wrongTotals } from "./book.js";

let database: TestDatabase;
const begin = Date.UTC(2026, 0, 30, 6);
const at = (hours: number, seconds = 0): Date => new Date(begin + hours * hourMs + seconds * 1000);
const january = new Date(Date.UTC(2026, 0));
const february = new Date(Date.UTC(2026, 1));
const volume = { tenant: "acme", project: uuid(1), resource: uuid(2), meter: "volume", variant: "standard" };
const fact = (quantity: bigint, when: Date): Fact => ({ ...volume, quantity, at: when });

const run = (until: Date, records = 50_000, hours = 48) =>
  meter({ db: database.server.db, clock: () => until }, until, { bounds: { hours, records } });
const sum = async () => [...(await recordedHours(database.server.db)).values()].reduce((all, one) => all + one, 0n);
const price = (n: number, validFrom: Date, variant = "") => ({ id: uuid(n), meter: "volume", variant, validFrom });

/** What was charged: quantities by month, price and whether it is a correction. */
async function charged(): Promise<string[]> {
  const { rows } = await database.server.db.execute<{ line: string }>(sql`
    select concat_ws(' ', to_char(period at time zone 'UTC', 'YYYY-MM'), price, correction, quantity) as line
    from usage_totals where quantity <> 0 order by 1`);
  return rows.map(({ line }) => line);
}

async function fails(statement: ReturnType<typeof sql>): Promise<string> {
  const error: unknown = await database.server.db.execute(statement).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  return error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
}

beforeAll(async () => {
  database = await openTestDatabase();
});

beforeEach(() => clearBook(database.server.db));

afterAll(() => database.close());

describe("records of use", () => {
  it("are only ever added", async () => {
    await addFacts(database.server.db, [fact(5n, at(0))]);
    await run(at(1));
    for (const table of ["usage_facts", "usage_records"]) {
      const name = sql.identifier(table);
      expect(await fails(sql`update ${name} set quantity = 0`)).toBe(`rows of ${table} are only added`);
      expect(await fails(sql`delete from ${name}`)).toBe(`rows of ${table} are only added`);
    }
    await addFacts(database.server.db, [fact(0n, at(0, 600))]);
    await run(at(1));
    const { rows } = await database.server.db.execute<{ quantity: string }>(
      sql`select quantity::text as quantity from usage_records order by id`,
    );
    expect(rows.map(({ quantity }) => quantity)).toEqual(["18000", "-15000"]);
  });

  it("that end a month ask for its invoices, and others do not", async () => {
    const { db } = database.server;
    const asked = async () => {
      const { rows } = await db.execute<{ n: number }>(sql`
        with done as (delete from graphile_worker._private_jobs where key = 'invoices.issue' returning 1)
        select count(*)::int as n from done`);
      return rows[0]?.n;
    };
    await addFacts(db, [fact(5n, at(0))]);
    await run(at(41));
    expect(await asked()).toBe(0);
    // January ends after 42 hours; the meter was away for some days.
    await run(at(96), 50_000, 5);
    expect(await asked()).toBe(1);
    await run(at(97));
    expect(await asked()).toBe(0);
  });

  it("stay as they are when nothing is new, and nobody is told of anything", async () => {
    await addFacts(database.server.db, [fact(5n, at(0))]);
    await run(at(3));
    const told = sql`select count(*)::int as n from changes where topic = 'metering'`;
    const before = (await database.server.db.execute(told)).rows;
    await run(at(3));
    await run(at(1));
    expect((await database.server.db.execute(told)).rows).toEqual(before);
    expect(await sum()).toBe(5n * 3n * 3600n);
  });

  it("of a resource that came into being long ago are caught up with in many small transactions", async () => {
    await addFacts(database.server.db, [fact(1n, at(0)), { ...fact(2n, at(0)), resource: uuid(3) }]);
    await run(at(100));
    // Late facts of the past, and so many that their correction takes many transactions.
    await addFacts(
      database.server.db,
      Array.from({ length: 20 }, (_, n) => ({ ...fact(1n, at(n, 1800)), resource: uuid(10 + n) })),
    );
    await run(at(101), 40);
    const { rows } = await database.server.db.execute<{ most: number; transactions: number }>(sql`
      select max(n)::int as most, count(*)::int as transactions
      from (select count(*) as n from usage_records where metered_at = ${at(101).toISOString()} group by xmin::text) t`);
    expect(rows[0]?.most).toBeLessThanOrEqual(40);
    expect(rows[0]?.transactions).toBeGreaterThan(40);
    const late = Array.from({ length: 20 }, (_, n) => BigInt(101 * 3600 - n * 3600 - 1800));
    expect(await sum()).toBe(3n * 101n * 3600n + late.reduce((all, one) => all + one, 0n));
    expect(await wrongTotals(database.server.db)).toEqual([]);
  });

  it("are right after the database was restored where transactions are counted anew", async () => {
    await addFacts(database.server.db, [fact(1n, at(0))]);
    await run(at(2));
    await database.server.db.execute(sql`update metering set snapshot = '9000000000:9000000000:'`);
    await addFacts(database.server.db, [fact(3n, at(1))]);
    await run(at(2));
    expect(await sum()).toBe(4n * 3600n);
    await addFacts(database.server.db, [fact(5n, at(1))]);
    await run(at(3));
    expect(await sum()).toBe(3600n + 2n * 5n * 3600n);
  });
});

describe("what is charged", () => {
  it("goes by the price of the hour, that of the very variant first", async () => {
    await addPrices(database.server.db, [price(7, at(-5)), price(8, at(1)), price(9, at(2), "standard")]);
    await addFacts(database.server.db, [fact(1n, at(0))]);
    await run(at(4));
    expect(await charged()).toEqual([
      `2026-01 ${uuid(7)} f 3600`,
      `2026-01 ${uuid(8)} f 3600`,
      `2026-01 ${uuid(9)} f 7200`,
    ]);
    expect(await fails(sql`update prices set unit_amount_nano = 5 where id = ${uuid(7)}`)).toMatch(/was charged$/);
    expect(await fails(sql`delete from prices where id = ${uuid(7)}`)).toMatch(/was charged$/);
  });

  it("is taken back at the price at which it was charged, even if another would hold by now", async () => {
    await addPrices(database.server.db, [price(7, at(0))]);
    await addFacts(database.server.db, [fact(10n, at(0))]);
    await run(at(2));
    await addPrices(database.server.db, [price(8, at(1))]);
    await addFacts(database.server.db, [fact(4n, at(0))]);
    await run(at(2));
    expect(await charged()).toEqual([`2026-01 ${uuid(7)} f ${4 * 7200}`]);
    await addPrices(database.server.db, [{ ...price(9, at(0)), meter: "address" }]);
    expect(await usageStore.costs(database.server.db, { tenant: "acme", period: january })).toMatchObject([
      { product: "volume ", parts: [{ quantity: 28_800n, price: { id: uuid(7), unitSize: 1n } }] },
    ]);
  });

  it("comes to nothing without a price, then and later", async () => {
    await addFacts(database.server.db, [fact(10n, at(0))]);
    await run(at(1));
    await addPrices(database.server.db, [price(7, at(0))]);
    await addFacts(database.server.db, [fact(0n, at(0))]);
    await run(at(2));
    expect(await charged()).toEqual([]);
    expect(await sum()).toBe(0n);
  });

  it("goes to the first month that is open once the invoice of its own was issued", async () => {
    const { db } = database.server;
    await addPrices(db, [price(7, at(0))]);
    await addFacts(db, [fact(10n, at(0))]);
    await run(at(2));
    expect(await usageStore.openPeriods(db, february)).toEqual([{ tenant: "acme", period: january }]);
    expect(await usageStore.unbilled(db, "acme")).toBe(72_000n * 1_000_000_000n);
    await db.transaction(async (tx) => {
      expect(await usageStore.lockAccount(tx, "acme")).toBeUndefined();
      await usageStore.close(tx, "acme", february);
      await usageStore.close(tx, "acme", january);
      expect(await usageStore.lockAccount(tx, "acme")).toEqual(february);
    });
    await addFacts(db, [fact(4n, at(1)), fact(0n, new Date(Date.UTC(2026, 1, 1, 1)))]);
    await run(new Date(Date.UTC(2026, 1, 1, 3)));
    const hours = (february.getTime() - begin) / hourMs;
    expect(await charged()).toEqual([
      `2026-01 ${uuid(7)} f ${10 * 7200}`,
      `2026-02 ${uuid(7)} f ${4 * 3600}`,
      `2026-02 ${uuid(7)} t ${-6 * 3600 + (hours - 2) * 4 * 3600}`,
    ]);
    expect(await usageStore.openPeriods(db, new Date(Date.UTC(2026, 2)))).toEqual([
      { tenant: "acme", period: february },
    ]);
    expect(await usageStore.totals(db, { tenant: "acme", period: february })).toMatchObject([
      { projectName: "shop", resourceName: "thing", correction: false, quantity: 14_400n },
      { projectName: "shop", resourceName: "thing", correction: true },
    ]);
  });
});

describe("hours", () => {
  it("are those of UTC, also where clocks are put forward and back", () => {
    // Hours and months begin where they do whatever the zone of the process is.
    const script = `
      import { hourOf } from "./src/resources/billing/usage/meter.ts";
      const times = ["2026-03-29T00:59:59Z", "2026-03-29T01:00:01Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"];
      console.log(new Date(times[0]).getHours(), times.map((time) => hourOf(new Date(time)).toISOString()).join(" "));`;
    const [berlin, kolkata] = ["Europe/Berlin", "Asia/Kolkata"].map((zone) =>
      execFileSync(process.execPath, ["--import", "tsx", "--input-type=module", "--eval", script], {
        env: { ...process.env, TZ: zone },
        encoding: "utf8",
      }).trim(),
    );
    const hours = "2026-03-29T00:00:00.000Z 2026-03-29T01:00:00.000Z 2026-10-25T00:00:00.000Z 2026-10-25T01:00:00.000Z";
    expect([berlin, kolkata]).toEqual([`1 ${hours}`, `6 ${hours}`]);
  });

  it("are the same whatever the time zone of the database is", async () => {
    const { db } = database.server;
    const nights = [Date.UTC(2026, 2, 28, 20), Date.UTC(2026, 9, 24, 20), Date.UTC(2026, 9, 31, 20)];
    const books: unknown[] = [];
    for (const zone of ["UTC", "Europe/Berlin", "Asia/Kolkata"]) {
      await clearBook(db);
      await addPrices(db, [price(7, new Date(nights[0] ?? 0))]);
      await addFacts(
        db,
        nights.flatMap((night) => [fact(3n, new Date(night + 123_456)), fact(0n, new Date(night + 9.5 * hourMs))]),
      );
      await db.transaction(async (tx) => {
        await tx.execute(sql`select set_config('TimeZone', ${zone}, true)`);
        const until = new Date(Date.UTC(2026, 10, 1, 12));
        // In the transaction with the zone; the meter's own are savepoints of it.
        await meter({ db: tx, clock: () => until }, until, { bounds: { hours: 500, records: 50_000 } });
      });
      books.push([await recordedHours(db), await charged()]);
    }
    expect(books[1]).toEqual(books[0]);
    expect(books[2]).toEqual(books[0]);
    expect((books[0] as [Map<string, bigint>])[0].size).toBe(30);
  });
});
