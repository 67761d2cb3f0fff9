import { sql } from "drizzle-orm";
import { pino } from "pino";
import type { Database } from "../src/db/database.js";
import { migrate } from "../src/db/migrate.js";
import { meter } from "../src/resources/billing/usage/meter.js";
import { openServer } from "./auth.js";
import { type BenchRun, compare, figure, median } from "./measure.js";
import { databasesOf } from "./processes.js";

const goalMs = 2_000;
const hourMs = 3_600_000;
const first = Date.UTC(2026, 0, 1);
const log = pino({ level: "silent" });

interface Size {
  readonly resources: number;
  readonly hours: number;
}

const fullSize: Size = { resources: 10_000, hours: 9 };
const shortSize: Size = { resources: 50, hours: 3 };

/**
 * Metering 10,000 resources for an hour, with their records, totals and prices, beside one statement that inserts as
 * many rows into a table like that of the records.
 */
export async function metering(run: BenchRun): Promise<void> {
  const size = run.short ? shortSize : fullSize;
  for (const { name, open } of databasesOf(run)) {
    const server = await openServer(run, await open());
    await migrate(server, log);
    await prepare(server.db, size);
    const ours: number[] = [];
    const plain: number[] = [];
    const memory: number[] = [];
    for (let hour = 1; hour <= size.hours; hour++) {
      const until = new Date(first + hour * hourMs);
      const [before, began] = [process.memoryUsage().rss, performance.now()];
      await meter({ db: server.db, clock: () => until }, until);
      ours.push(performance.now() - began);
      memory.push((process.memoryUsage().rss - before) / 2 ** 20);
      plain.push(await insertPlainly(server.db, hour));
    }
    await expectRecords(server.db, size);
    // The first hour takes in all facts and warms up.
    const warm = <T>(samples: T[]): T[] => samples.slice(1);
    run.report(compare(`metering.${name}.hour`, "ms", median(warm(ours)), median(warm(plain)), { below: goalMs }));
    run.report(compare(`metering.${name}.worst`, "ms", Math.max(...ours), Math.max(...plain), { below: goalMs }));
    run.report(figure(`metering.${name}.memory`, "MB", Math.max(...warm(memory))));
  }
}

/** Everything of 100 tenants that can be metered, each resource with two facts, and prices for it. */
async function prepare(db: Database, { resources }: Size): Promise<void> {
  const started = new Date(first).toISOString();
  await db.execute(sql`
    insert into usage_facts (tenant, project, project_name, resource, resource_name, meter, variant, quantity, at)
    select 'tenant-' || i % 100, md5('project' || i % 100)::uuid, 'shop', md5('resource' || i)::uuid, 'thing-' || i,
      (array['control_plane', 'worker', 'volume', 'snapshot', 'address'])[1 + i % 5],
      (array['', 'n1-medium-x86', 'standard', 'standard', 'static'])[1 + i % 5], fact * (1 + i % 7),
      ${started}::timestamptz + (fact - 1) * interval '10 minutes' + i % 600 * interval '1 second'
    from generate_series(1, ${resources}::int) i, generate_series(1, 2) fact order by fact, i`);
  await db.execute(sql`
    insert into prices (id, product, name, meter, product_type, unit_label, unit_size, unit_amount_nano, currency, valid_from)
    select gen_random_uuid(), m, m, m, 1, 'hour', 3600, 1000000000, 'eur', ${started}::timestamptz
    from unnest(array['control_plane', 'worker', 'volume', 'snapshot', 'address']) m`);
  await db.execute(sql`create table plain_records (like usage_records including all)`);
}

async function insertPlainly(db: Database, hour: number): Promise<number> {
  const start = new Date(first + (hour - 1) * hourMs).toISOString();
  const began = performance.now();
  await db.execute(sql`
    insert into plain_records (tenant, project, resource, meter, variant, hour, period, price, quantity, metered_at)
    select tenant, project, resource, meter, variant, hour, period, price, quantity, metered_at
    from usage_records where hour = ${start}::timestamptz`);
  return performance.now() - began;
}

/** One pass: each resource is recorded once in each hour, and all in one transaction. */
async function expectRecords(db: Database, { resources, hours }: Size): Promise<void> {
  const { rows } = await db.execute<{ records: number; hours: number; passes: number }>(sql`
    select count(*)::int as records, count(distinct hour)::int as hours, count(distinct xmin::text)::int as passes
    from usage_records`);
  const [found] = rows;
  if (found?.records === resources * hours && found.hours === hours && found.passes === hours) return;
  throw new Error(`${resources} resources in ${hours} hours became ${JSON.stringify(found)}`);
}
