import { sql } from "drizzle-orm";
import { pino } from "pino";
import { v7 as uuidv7 } from "uuid";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Database, openPostgres } from "../../../../src/db/database.js";
import { tenantStore } from "../../../../src/resources/api/tenant/store.js";
import {
  type IssueSources,
  issueInvoice,
  issueInvoices,
  type Outcome,
} from "../../../../src/resources/billing/invoice/issue.js";
import { type InvoiceRow, invoiceStore, sumsOf } from "../../../../src/resources/billing/invoice/store.js";
import { invoices } from "../../../../src/resources/billing/invoice/table.js";
import { usageStore } from "../../../../src/resources/billing/usage/store.js";
import {
  needsPostgres,
  openAgain,
  openTestDatabase,
  postgresUrl,
  type TestDatabase,
} from "../../../support/database.js";
import { clearBook, uuid } from "../usage/book.js";
import {
  billing,
  day,
  giveBalance,
  giveDiscount,
  grantCoupon,
  makeCustomer,
  month,
  setMetered,
  spend,
} from "./books.js";

const log = pino({ level: "silent" });

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await openTestDatabase();
  db = database.server.db;
});

afterAll(() => database.close());

beforeEach(async () => {
  await clearBook(db);
  await db.execute(sql`truncate invoices, invoice_lines, invoice_numbers, customers, discounts, coupons, coupon_grants,
    credit_entries`);
});

const at = (now: Date): IssueSources => ({ db, clock: () => now, newId: uuidv7, log });
const run = (now: Date) => issueInvoices(at(now), billing, { limit: 1_000 });
const issue = (tenant: string, period: Date, now: Date): Promise<Outcome> =>
  issueInvoice(at(now), billing, { tenant, period });
const issued = (): Promise<InvoiceRow[]> => db.select().from(invoices).orderBy(invoices.number);

async function only(tenant: string): Promise<InvoiceRow> {
  const [row, ...others] = await invoiceStore.ofTenant(db, tenant);
  if (row === undefined || others.length > 0) throw new Error(`${tenant} has ${others.length} more invoices than one`);
  return row;
}

describe("issuing", () => {
  it("waits until the period is over for long enough and metered to its end", async () => {
    await spend(db, [{ tenant: "acme", period: month(0), cents: 100n }]);
    await setMetered(db, month(1));
    await run(day(1, 1, 23));
    expect(await issued()).toEqual([]);
    await setMetered(db, new Date(month(1).getTime() - 3_600_000));
    await run(day(1, 2));
    expect(await issued()).toEqual([]);
    expect(await issue("acme", month(0), day(1, 2))).toBe("early");
    await setMetered(db, month(1));
    await run(day(1, 2));
    expect(await issued()).toMatchObject([
      { number: "2025-00001", tenant: "acme", periodStart: month(0), periodEnd: month(1), dueAt: day(1, 16) },
    ]);
  });

  it("issues once, however often it runs, and charges what becomes known afterwards to the next period", async () => {
    await spend(db, [
      { tenant: "acme", period: month(0), cents: 100n },
      { tenant: "acme", period: month(1), cents: 40n },
    ]);
    await setMetered(db, day(2, 15));
    for (const _ of [1, 2]) await run(day(1, 2));
    expect(await issued()).toHaveLength(1);
    expect(await usageStore.lockAccount(db, "acme")).toEqual(month(1));
    expect(await issue("acme", month(0), day(1, 3))).toBe("nothing");
    await spend(db, [{ tenant: "acme", period: month(1), cents: -10n, correction: true }]);
    await run(day(2, 2));
    const [second] = await invoiceStore.ofTenant(db, "acme");
    expect(second).toMatchObject({ number: "2025-00002", subtotal: 30n, periodStart: month(1) });
    expect(await invoiceStore.lines(db, second?.id ?? "")).toMatchObject([
      { kind: "usage", amount: 40n, projectName: "shop", resourceName: "web", quantity: "40", unitAmount: "1" },
      { kind: "correction", amount: -10n, description: "Worker" },
    ]);
  });

  it("takes discounts, then coupons, then tax, then credit, and writes what was taken into the book", async () => {
    await makeCustomer(db, "acme");
    await giveDiscount(db, "acme", 1_000, uuidv7);
    await grantCoupon(db, { tenant: "acme", cents: 1_000n, expiresAt: day(2, 1), newId: uuidv7 });
    await grantCoupon(db, { tenant: "acme", cents: 500n, expiresAt: day(0, 31), newId: uuidv7 });
    await giveBalance(db, "acme", 50n, uuidv7);
    await spend(db, [{ tenant: "acme", period: month(0), cents: 2_000n }]);
    await setMetered(db, month(1));
    await run(day(1, 2));
    const row = await only("acme");
    expect(row).toMatchObject({ subtotal: 2_000n, discount: 200n, coupon: 1_000n, vat: 152n, balance: 50n });
    expect(row).toMatchObject({ status: "open", customer: { name: "acme Ltd", email: "acme@example.com" } });
    expect(sumsOf(row)).toEqual({ net: 800n, total: 952n, due: 902n });
    const { rows } = await db.execute<{ amount: string }>(
      sql`select amount::text from credit_entries where invoice = ${row.id} order by amount`,
    );
    expect(rows).toEqual([{ amount: "-1000" }, { amount: "-50" }]);
  });

  it("is paid at once when nothing is due, and there is no invoice of nothing", async () => {
    await makeCustomer(db, "acme", "AT", "ATU12345678");
    await giveBalance(db, "acme", 5_000n, uuidv7);
    await spend(db, [
      { tenant: "acme", period: month(0), cents: 2_000n },
      { tenant: "umbrella", period: month(0), cents: 0n },
    ]);
    await setMetered(db, month(1));
    await run(day(1, 2));
    expect(await only("acme")).toMatchObject({
      status: "paid",
      paidAt: day(1, 2),
      balance: 2_000n,
      vat: 0n,
      vatNote: expect.stringContaining("Reverse charge"),
    });
    expect(await invoiceStore.ofTenant(db, "umbrella")).toEqual([]);
    expect(await usageStore.lockAccount(db, "umbrella")).toEqual(month(1));
  });

  it("bills tenants without a customer account by what they say of themselves, at the seller's rate", async () => {
    const now = day(0, 1);
    const stamps = { createdBy: "solo", admitted: true, createdAt: now, updatedAt: now };
    await tenantStore.ensure(db, { login: "solo", name: "Solo Inc.", email: "solo@example.com", ...stamps });
    await spend(
      db,
      ["solo", "gone"].map((tenant) => ({ tenant, period: month(0), cents: 100n })),
    );
    await setMetered(db, month(1));
    await run(day(1, 2));
    expect(await only("solo")).toMatchObject({ customer: { name: "Solo Inc.", email: "solo@example.com" }, vat: 19n });
    expect(await only("gone")).toMatchObject({ customer: { name: "gone", address: null }, vat: 19n });
  });

  it("carries what is owed back to the next invoice, which then is of both periods", async () => {
    await makeCustomer(db, "acme");
    await spend(db, [{ tenant: "acme", period: month(1), cents: -30n, correction: true }]);
    await setMetered(db, day(2, 10));
    expect(await issue("acme", month(1), day(2, 2))).toBe("carried");
    await run(day(2, 2));
    expect(await issued()).toEqual([]);
    await spend(db, [{ tenant: "acme", period: month(2), cents: 100n }]);
    await setMetered(db, month(3));
    await run(day(3, 2));
    expect(await only("acme")).toMatchObject({ subtotal: 70n, periodStart: month(1), periodEnd: month(3) });
  });

  it("goes on where a run stopped, and begins the numbers anew with the year", async () => {
    const tenants = ["Zeta", "alpha", "beta", "Åke", "gamma"];
    await spend(
      db,
      tenants.flatMap((tenant) => [10, 11].map((n) => ({ tenant, period: month(n), cents: 10n }))),
    );
    await setMetered(db, month(12));
    await run(day(11, 2));
    let after: Awaited<ReturnType<typeof run>>;
    let runs = 0;
    do {
      after = await issueInvoices(at(day(12, 2)), billing, { limit: 2, after });
      runs += 1;
    } while (after !== undefined);
    expect(runs).toBe(3);
    const numbers = (await issued()).map(({ number }) => number);
    expect(numbers).toEqual(["2025", "2026"].flatMap((year) => tenants.map((_, n) => `${year}-0000${n + 1}`)));
  });

  it("leaves the others alone when one cannot be issued", async () => {
    await spend(
      db,
      ["a", "b", "c"].map((tenant) => ({ tenant, period: month(0), cents: 10n })),
    );
    await setMetered(db, month(1));
    const lines: string[] = [];
    const heard = pino({ level: "error" }, { write: (line: string) => void lines.push(line) });
    const failing = { ...at(day(1, 2)), log: heard, newId: failingOnce(2) };
    await issueInvoices(failing, billing, { limit: 10 });
    expect((await issued()).map(({ number, tenant }) => [number, tenant])).toEqual([
      ["2025-00001", "a"],
      ["2025-00002", "c"],
    ]);
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ tenant: "b", msg: "an invoice was not issued" }]);
    await run(day(1, 2));
    expect((await issued()).map(({ number }) => number)).toEqual(["2025-00001", "2025-00002", "2025-00003"]);
  });
});

describe("numbers", () => {
  it("have no gaps and come once, though two processes issue at once and many transactions fail", async () => {
    const tenants = Array.from({ length: 40 }, (_, n) => `tenant-${n}`);
    await prepare(tenants);
    const random = randomFrom(20_250_101);
    const newId = () => {
      // After the number was taken, before the invoice or its entry of credit is written.
      if (random() < 0.3) throw new Error("planted");
      return uuidv7();
    };
    const other = database.url === undefined ? undefined : openAgain(database.url);
    const servers = [database.server, other ?? database.server];
    await Promise.all(servers.map((server) => issueAll({ ...at(day(1, 2)), db: server.db, newId })));
    await other?.close();
    await expectComplete(tenants);
  });

  it.skipIf(postgresUrl === undefined)(`come so too when connections break meanwhile (${needsPostgres})`, async () => {
    const tenants = Array.from({ length: 40 }, (_, n) => `tenant-${n}`);
    await prepare(tenants);
    const servers = [1, 2].map(() =>
      openPostgres({
        url: database.url ?? "",
        poolSize: 3,
        applicationName: "issuer",
        connectTimeoutMs: 10_000,
        statementTimeoutMs: 10_000,
        log,
      }),
    );
    // So often that it hits some, and not for ever: a slow machine has to come to an end too.
    const breaking = (async () => {
      for (let breaks = 0; breaks < 30; breaks += 1) {
        await db.execute(sql`
            select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and application_name = 'issuer' order by random() limit 1`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    await Promise.all([breaking, ...servers.map((server) => issueAll({ ...at(day(1, 2)), db: server.db }))]);
    await Promise.all(servers.map((server) => server.close()));
    await expectComplete(tenants);
  });
});

async function prepare(tenants: readonly string[]): Promise<void> {
  await setMetered(db, month(1));
  await spend(
    db,
    tenants.map((tenant, n) => ({ tenant, period: month(0), cents: 100n, resource: uuid(100 + n) })),
  );
  for (const tenant of tenants) {
    await makeCustomer(db, tenant);
    await giveBalance(db, tenant, 30n, uuidv7);
  }
}

/** Runs until nothing is left, as the hours go by. */
async function issueAll(sources: IssueSources): Promise<void> {
  for (let left = 1; left > 0; ) {
    await issueInvoices(sources, billing, { limit: 7 }).catch(() => {});
    left = (await usageStore.openPeriods(sources.db, month(1)).catch(() => [undefined])).length;
  }
}

async function expectComplete(tenants: readonly string[]): Promise<void> {
  const rows = await issued();
  expect(rows.map(({ number }) => number)).toEqual(tenants.map((_, n) => `2025-${String(n + 1).padStart(5, "0")}`));
  expect(new Set(rows.map(({ tenant }) => tenant))).toEqual(new Set(tenants));
  expect(rows.every((row) => sumsOf(row).due === 89n)).toBe(true);
  const { rows: credit } = await db.execute<{ sum: string; entries: number }>(sql`
    select sum(amount)::text as sum, count(*)::int as entries from credit_entries`);
  expect(credit).toEqual([{ sum: "0", entries: 2 * tenants.length }]);
}

/** New ids, of which the one with that number fails. */
function failingOnce(at: number): () => string {
  let asked = 0;
  return () => {
    asked += 1;
    if (asked === at) throw new Error("planted");
    return uuidv7();
  };
}

/** Numbers from 0 to 1 that look random, and are the same each time. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}
