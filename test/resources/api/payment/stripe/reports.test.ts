import { sql } from "drizzle-orm";
import fc from "fast-check";
import { pino } from "pino";
import { v7 as uuidv7 } from "uuid";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createCatalogue } from "../../../../../src/resources/api/payment/stripe/catalogue.js";
import { openStripe } from "../../../../../src/resources/api/payment/stripe/client.js";
import { addReports, costOf, settledCosts } from "../../../../../src/resources/api/payment/stripe/reports.js";
import { eventTime, sendReports } from "../../../../../src/resources/api/payment/stripe/send-reports.js";
import { usageReports } from "../../../../../src/resources/api/payment/stripe/table.js";
import type { PriceRow } from "../../../../../src/resources/billing/price/store.js";
import type { TestTenant } from "../../../../support/platform.js";
import type { FaultKind } from "./support/faults.js";
import { on, type Stand, startStand } from "./support/stand.js";

const log = pino({ level: "silent" });
const march = on(3, 1);
const begin = on(3, 5);

let stand: Stand;
let payer: TestTenant & { readonly customerId: string };

beforeAll(async () => {
  stand = await startStand(begin);
  payer = await stand.customer();
  await stand.settle();
});

afterAll(() => stand.close());

beforeEach(async () => {
  await stand.platform.platform.db.execute(sql`truncate usage_totals, usage_reports, billing_accounts`);
});

/** Reckons and sends as the jobs do, with a client that waits for no answer longer than it must. */
function reporting(clock: () => Date = stand.now, newId = uuidv7) {
  const { db } = stand.platform.platform;
  const { stripe } = stand.platform.config;
  if (stripe === undefined) throw new Error("the platform has no Stripe");
  const access = openStripe(stripe, 100);
  const sources = { db, clock, log, access, catalogue: createCatalogue({ products: [], currency: "eur" }) };
  const { signal } = new AbortController();
  return {
    reckon: () => addReports({ db, newId }, [{ tenant: payer.tenant, period: march }]),
    send: () => sendReports(sources, payer.tenant, signal),
  };
}

const since = (count: number) => stand.fake.meterEvents.slice(count);
const sum = (count: number): bigint => since(count).reduce((total, { value }) => total + value, 0n);

describe("reports of use", () => {
  it("tell Stripe of each difference once, in the order in which it was metered", async () => {
    const { reckon, send } = reporting();
    const before = stand.fake.meterEvents.length;
    const resource = uuidv7();
    for (const day of [5, 6, 7]) {
      await stand.use(payer.tenant, "kubernetes", march, 24n, resource);
      await stand.meteredUntil(on(3, day));
      await reckon();
      await reckon();
    }
    await send();
    await send();
    expect(since(before).map(({ value }) => value)).toEqual([24_000_000n, 24_000_000n, 24_000_000n]);
    expect(new Set(since(before).map(({ identifier }) => identifier)).size).toBe(3);
  });

  it("take back what late facts took back, and are not sent before there is a subscription", async () => {
    const { db } = stand.platform.platform;
    const { reckon, send } = reporting();
    const before = stand.fake.meterEvents.length;
    const resource = uuidv7();
    await stand.use(payer.tenant, "kubernetes", march, 24n, resource);
    await stand.meteredUntil(on(3, 5));
    await reckon();
    await stand.use(payer.tenant, "kubernetes", march, -4n, resource);
    await reckon();
    const { rows } = await db.execute<{ id: string }>(
      sql`select subscription_id as id from customers where tenant = ${payer.tenant}`,
    );
    await db.execute(sql`update customers set subscription_id = '' where tenant = ${payer.tenant}`);
    expect(await send()).toBe(false);
    expect(since(before)).toEqual([]);
    await db.execute(sql`update customers set subscription_id = ${rows[0]?.id ?? ""} where tenant = ${payer.tenant}`);
    expect(await send()).toBe(true);
    expect(since(before).map(({ value }) => value)).toEqual([24_000_000n, -4_000_000n]);
  });

  it("arrive exactly once and in order, whatever goes wrong with whichever request", async () => {
    const kinds: FaultKind[] = [
      "silence",
      "error",
      "limit",
      "refuse-connection",
      "accept-then-die",
      "accept-then-silence",
    ];
    const fault = fc.record({ kind: fc.constantFrom(...kinds), times: fc.integer({ min: 1, max: 4 }) });
    const run = fc.record({ units: fc.integer({ min: 1, max: 100 }), faults: fc.array(fault, { maxLength: 3 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(run, { minLength: 1, maxLength: 4 }), async (runs) => {
        await stand.platform.platform.db.execute(sql`truncate usage_totals, usage_reports`);
        const { reckon, send } = reporting();
        const before = stand.fake.meterEvents.length;
        const resource = uuidv7();
        let [day, units] = [5, 0n];
        for (const { units: more, faults } of runs) {
          await stand.use(payer.tenant, "kubernetes", march, BigInt(more), resource);
          units += BigInt(more);
          day += 1;
          await stand.meteredUntil(on(3, day));
          await reckon();
          for (const { kind, times } of faults) stand.fake.faults.add(kind, "POST /v1/billing/meter_events", times);
          await send().catch(() => {});
        }
        stand.fake.faults.clear();
        expect(await send()).toBe(true);
        expect(sum(before)).toBe(units * 1_000_000n);
        expect(since(before).map(({ value }) => value)).toEqual(runs.map((each) => BigInt(each.units) * 1_000_000n));
      }),
      { numRuns: 10 },
    );
  }, 300_000);

  it("are counted once even when Stripe has forgotten the identifier", async () => {
    const yesterday = () => new Date(Date.now() + 86_400_000);
    const early = reporting();
    const before = stand.fake.meterEvents.length;
    const told = (await stand.platform.platform.db.select().from(usageReports)).length;
    expect(told).toBe(0);
    await stand.use(payer.tenant, "storage", march, 30n);
    await stand.meteredUntil(on(3, 6));
    await early.reckon();
    stand.fake.faults.add("accept-then-die", "POST /v1/billing/meter_events", 1);
    stand.fake.faults.add("error", "POST /v1/billing/meter_events", 5);
    await expect(early.send()).rejects.toMatchObject({ kind: "unavailable" });
    stand.fake.faults.clear();
    expect(since(before)).toHaveLength(1);
    // What Stripe forgets is the identifier, and not what it has counted.
    Object.assign(stand.fake.meterEvents.at(-1) ?? {}, { identifier: "forgotten" });
    expect(await reporting(yesterday).send()).toBe(true);
    expect(since(before)).toHaveLength(1);
  });
});

describe("what is reported", () => {
  const part = fc.record({
    quantity: fc.bigInt(-(10n ** 15n), 10n ** 15n),
    size: fc.bigInt(1n, 10n ** 12n),
    nano: fc.bigInt(0n, 10n ** 12n),
  });

  it("is the exact cost, rounded down once", () => {
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
        const priced = parts.map(({ quantity, size, nano }) => ({
          quantity,
          price: { unitSize: size, unitAmountNano: nano } as PriceRow,
        }));
        const cost = costOf({ product: "any", parts: priced });
        // The same over one common divisor: cost is the greatest whole number that is not above it.
        const divisor = parts.reduce((product, { size }) => product * size, 1_000n);
        const dividend = parts.reduce(
          (total, { quantity, size, nano }) => total + (quantity * nano * divisor) / (size * 1_000n),
          0n,
        );
        expect(cost * divisor <= dividend && dividend < (cost + 1n) * divisor).toBe(true);
      }),
    );
  });

  it("is what the lines of the invoice say in the end, and never below 0", () => {
    const line = fc.record({ product: fc.constantFrom("a", "b", "c"), amount: fc.bigInt(-1_000n, 1_000n) });
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const costs = [...settledCosts(lines).values()];
        const subtotal = lines.reduce((total, { amount }) => total + amount, 0n);
        expect(costs.every((cost) => cost >= 0n)).toBe(true);
        const wanted = subtotal > 0n ? subtotal * 1_000_000n : 0n;
        expect(costs.reduce((total, cost) => total + cost, 0n)).toBe(wanted);
      }),
    );
  });

  it("is billed with its period while that can be, and else with the first that is open", () => {
    const start = on(3, 5);
    const never = new Date(0);
    const at = (period: Date, now: Date, finalUntil = never) => eventTime(period, { now, start, finalUntil });
    expect(at(march, on(3, 20))).toEqual({ time: on(3, 20), isLate: false });
    expect(at(march, on(4, 2))).toEqual({ time: new Date(on(4, 1).getTime() - 1_000), isLate: false });
    expect(at(march, on(4, 2), on(4, 1))).toEqual({ time: on(4, 2), isLate: false });
    expect(at(on(2, 1), on(3, 20))).toEqual({ time: on(3, 20), isLate: false });
    expect(at(march, on(5, 7))).toEqual({ time: on(5, 7), isLate: true });
  });
});
