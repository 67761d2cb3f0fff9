import { sql } from "drizzle-orm";
import fc from "fast-check";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { meter } from "../../../../src/resources/billing/usage/meter.js";
import { openTestDatabase, postgresUrl, type TestDatabase } from "../../../support/database.js";
import {
  addFacts,
  addPrices,
  clearBook,
  type Fact,
  hourMs,
  integrate,
  type Price,
  recordedHours,
  stateOf,
  uuid,
  wrongTotals,
} from "./book.js";

let database: TestDatabase;

beforeAll(async () => {
  database = await openTestDatabase();
});

afterAll(() => database.close());

/** In the hours around it clocks in Berlin go back, and a week later a month ends. */
const begin = Date.UTC(2025, 9, 31, 18);
const at = (hours: number, seconds = 0): Date => new Date(begin + hours * hourMs + seconds * 1000);
const periods = [Date.UTC(2025, 9), Date.UTC(2025, 10), Date.UTC(2025, 11)].map((ms) => new Date(ms));

/** What happens to a book. */
type Event =
  | { readonly kind: "fact"; readonly fact: Fact; readonly slow: boolean }
  | { readonly kind: "commit" }
  | {
      readonly kind: "meter";
      readonly until: Date;
      readonly at: number;
      readonly steps: number;
      readonly hours: number;
    }
  | { readonly kind: "close"; readonly tenant: string; readonly until: Date };

const thing = fc.constantFrom(
  { resource: uuid(1), meter: "control_plane", variant: "" },
  { resource: uuid(1), meter: "worker", variant: "n1-medium" },
  { resource: uuid(1), meter: "worker", variant: "c1-large" },
  { resource: uuid(2), meter: "volume", variant: "standard" },
  { resource: uuid(2), meter: "volume", variant: "fast" },
  { resource: uuid(3), meter: "address", variant: "static" },
);
const owner = fc.constantFrom(
  { tenant: "acme", project: uuid(11) },
  { tenant: "acme", project: uuid(11) },
  { tenant: "acme", project: uuid(12) },
  { tenant: "umbrella", project: uuid(13) },
);
const fact: fc.Arbitrary<Fact> = fc
  .record({
    thing,
    owner,
    quantity: fc.oneof(fc.bigInt(0n, 3n), fc.constantFrom(0n, 10_737_418_240n, 9_223_372_036_854_775_807n)),
    // Few moments, so that some coincide, and fractions of seconds.
    ms: fc.oneof(
      fc.integer({ min: 0, max: 12 }).map((n) => n * hourMs),
      fc.integer({ min: 0, max: 12 * hourMs }),
    ),
  })
  .map(({ thing, owner, quantity, ms }) => ({ ...thing, ...owner, quantity, at: new Date(begin + ms) }));
const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("fact" as const), fact, slow: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ kind: "commit" as const }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("meter" as const),
      until: fc.integer({ min: 0, max: 13 * 3600 }).map((seconds) => at(0, seconds)),
      at: fc.constantFrom(1, 1, 2, 3),
      steps: fc.constantFrom(1, 2, Number.POSITIVE_INFINITY),
      hours: fc.constantFrom(1, 2, 48),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("close" as const),
      tenant: fc.constantFrom("acme", "umbrella"),
      until: fc.constantFrom(...periods),
    }),
  },
);
const price: fc.Arbitrary<Omit<Price, "id">> = fc.record({
  meter: fc.constantFrom("control_plane", "worker", "volume", "address"),
  variant: fc.constantFrom("", "n1-medium", "fast"),
  validFrom: fc.integer({ min: -2, max: 10 }).map((hours) => at(hours)),
});
const prices = fc
  .uniqueArray(price, { maxLength: 8, selector: (p) => `${p.meter} ${p.variant} ${p.validFrom.getTime()}` })
  .map((drawn) => drawn.map((one, index) => ({ ...one, id: uuid(100 + index) })));

/** The price of an hour, as plainly as it can be said. */
function priceOf(all: readonly Price[], { meter, variant, hour }: { meter: string; variant: string; hour: Date }) {
  const newest = (kind: string): Price | undefined =>
    all
      .filter((one) => one.meter === meter && one.variant === kind && one.validFrom <= hour)
      .sort((a, b) => b.validFrom.getTime() - a.validFrom.getTime())[0];
  return (newest(variant) ?? newest(""))?.id ?? null;
}

/** A transaction that stays open for a while, as one may on a busy server. */
async function slowly(facts: readonly Fact[]): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query("begin");
  for (const { tenant, project, resource, meter, variant, quantity, at } of facts) {
    await client.query(
      `insert into usage_facts (tenant, project, project_name, resource, resource_name, meter, variant, quantity, at)
       values ($1, $2, 'shop', $3, 'thing', $4, $5, $6, $7)`,
      [tenant, project, resource, meter, variant, String(quantity), at],
    );
  }
  return async () => {
    await client.query("commit");
    await client.end();
  };
}

/** Runs the meter until it stops after some steps, as when its process ends. */
async function run(until: Date, steps: number, hours: number): Promise<void> {
  const stop = new AbortController();
  let left = steps;
  const clock = () => {
    left -= 1;
    if (left === 0) stop.abort();
    return until;
  };
  await meter({ db: database.server.db, clock }, until, { signal: stop.signal, bounds: { hours, records: 20 } });
}

/** Makes it all happen; answers which periods were closed when each record was written, by the record's id. */
async function play(events: readonly Event[]): Promise<void> {
  const { db } = database.server;
  const open: (() => Promise<void>)[] = [];
  for (const event of events) {
    if (event.kind === "fact" && event.slow && postgresUrl !== undefined && open.length < 3) {
      open.push(await slowly([event.fact]));
    } else if (event.kind === "fact") await addFacts(db, [event.fact]);
    else if (event.kind === "commit") await open.shift()?.();
    else if (event.kind === "meter") {
      await Promise.all(Array.from({ length: event.at }, () => run(event.until, event.steps, event.hours)));
    } else {
      await db.execute(sql`
        insert into billing_accounts as a (tenant, closed_until) values (${event.tenant}, ${event.until.toISOString()})
        on conflict (tenant) do update set closed_until = greatest(a.closed_until, excluded.closed_until)`);
    }
    if (event.kind !== "fact") await expectPeriods();
  }
  for (const commit of open) await commit();
}

let checked = 0;

/** What was recorded since the last look is charged to its month, or to the first that is open. */
async function expectPeriods(): Promise<void> {
  const { rows } = await database.server.db.execute<{ id: string; fits: boolean }>(sql`
    select id::text as id, period = greatest(date_trunc('month', hour, 'UTC'), closed_until) as fits
    from usage_records r left join billing_accounts a on a.tenant = r.tenant where id > ${checked} order by id`);
  // Closings come before a run or after it, never while it goes on.
  expect(rows.filter(({ fits }) => !fits)).toEqual([]);
  checked = Math.max(checked, ...rows.map(({ id }) => Number(id)));
}

const runs = postgresUrl === undefined ? 25 : 60;

describe("the meter", () => {
  it("records the integral of what ran, whatever happened in which order", { timeout: 600_000 }, async () => {
    const { db } = database.server;
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 3, maxLength: 30 }), prices, async (events, prices) => {
        await clearBook(db);
        checked = 0;
        await addPrices(db, prices);
        await play(events);
        await run(at(13), Number.POSITIVE_INFINITY, 48);
        const { facts, until } = await stateOf(db);
        const recorded = await recordedHours(db);
        expect(recorded).toEqual(until === undefined ? new Map() : integrate(facts, until));
        expect(await wrongTotals(db)).toEqual([]);
        const { rows } = await db.execute<{ meter: string; variant: string; hour: string; price: string | null }>(
          sql`select meter, variant, extract(epoch from hour)::bigint::text as hour, price from usage_records`,
        );
        for (const { meter, variant, hour, price } of rows) {
          expect(price).toBe(priceOf(prices, { meter, variant, hour: new Date(Number(hour) * 1000) }));
        }
        // The same facts, metered in one go, by a meter that knows nothing.
        await db.execute(sql`truncate usage_records, usage_totals`);
        await db.execute(sql`update metering set metered_until = null, snapshot = null`);
        await meter({ db, clock: () => at(13) }, at(13));
        expect(await recordedHours(db)).toEqual(recorded);
      }),
      { numRuns: runs },
    );
  });
});
