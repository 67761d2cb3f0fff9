import { sql } from "drizzle-orm";
import { pino } from "pino";
import { v7 as uuidv7 } from "uuid";
import { type DatabaseServer, openPostgres } from "../src/db/database.js";
import { migrate } from "../src/db/migrate.js";
import { ipStore } from "../src/resources/api/ip/store.js";
import { ensurePersonalTenant } from "../src/resources/api/tenant/personal.js";
import { parseRange } from "../src/resources/infra/address-pool/ranges.js";
import { addressPoolStore } from "../src/resources/infra/address-pool/store.js";
import { type BenchRun, compare, percentile } from "./measure.js";
import { databasesOf } from "./processes.js";

const callers = 16;
const goalMs = 5;
const most = 256;
const poolSize = 65_534;
const log = pino({ level: "silent" });

/** Projects that fill a pool, and one for each caller. */
interface Site {
  readonly server: DatabaseServer;
  readonly pool: string;
  readonly projects: readonly string[];
}

/**
 * How long IPService.Allocate takes in the database out of a /16 of which 99 % is taken, in pieces, by 16 callers at
 * once on PostgreSQL, with the limit of addresses and the job that tells clusters: once for callers of 16 projects,
 * once for callers of one, who wait for each other at the limit. Beside it a plain insert of a row of that size, which
 * is the least that a lasting allocation costs.
 */
export async function allocate(run: BenchRun): Promise<void> {
  for (const { name, open } of databasesOf(run)) {
    const url = await open();
    // Callers at once need a database that takes them.
    if (url === undefined) continue;
    const timeouts = { connectTimeoutMs: 10_000, statementTimeoutMs: 60_000 };
    const server = openPostgres({ url, poolSize: callers, applicationName: "bench", ...timeouts, log });
    run.onEnd(() => server.close());
    await migrate(server, log);
    const site = await fullPool(server);
    await server.db.execute(sql`create table plain (id uuid primary key, text text not null)`);
    const insert = (): Promise<unknown> =>
      server.db.execute(sql`insert into plain values (${uuidv7()}, ${"x".repeat(100)})`);
    const kinds = {
      own: (caller: number) => allocateOne(site, caller),
      one: () => allocateOne(site, 0),
      baseline: insert,
    };
    const times: Record<keyof typeof kinds, number[]> = { own: [], one: [], baseline: [] };
    // A server that has run for a while: its code is compiled, and its connections have their plans.
    const [warmUp, rounds] = run.short ? [0, 1] : [20, 10];
    for (let round = -warmUp; round < rounds; round += 1) {
      for (const kind of ["own", "baseline", "one"] as const) {
        await refill(site);
        const taken = await atOnce(run.short ? 1 : 12, kinds[kind]);
        if (round >= 0) times[kind].push(...taken);
      }
    }
    for (const [kind, label] of [
      ["own", name],
      ["one", `${name}.one-project`],
    ] as const) {
      const at = (share: number) => [percentile(times[kind], share), percentile(times.baseline, share)] as const;
      run.report(compare(`allocate.${label}.p50`, "ms", ...at(0.5)));
      run.report(compare(`allocate.${label}.p99`, "ms", ...at(0.99), { below: goalMs }));
    }
  }
}

/** A /16 with 655 free addresses that lie apart from each other; the others belong to some 300 projects. */
async function fullPool(server: DatabaseServer): Promise<Site> {
  const { db } = server;
  const pool = uuidv7();
  const now = new Date();
  await ensurePersonalTenant(db, "bench", { now, newId: uuidv7 });
  const { rows } = await db.execute<{ id: string }>(sql`
    insert into projects (id, tenant, name, created_at, updated_at)
    select gen_random_uuid(), 'bench', 'p' || n, now(), now() from generate_series(1, 300) n returning id`);
  const projects = rows.map(({ id }) => id);
  const range = parseRange("10.77.0.0/16");
  await db.transaction(async (tx) => {
    const row = { id: pool, name: "bench", network: "bench", configured: false, createdAt: now, updatedAt: now };
    await addressPoolStore.insert(tx, row);
    await addressPoolStore.addRanges(tx, pool, [range], uuidv7);
    await tx.execute(sql`delete from free_addresses where pool = ${pool}`);
    await tx.execute(sql`
      insert into free_addresses (id, pool, first, last)
      select gen_random_uuid(), ${pool}, '10.77.0.0'::inet + n, '10.77.0.0'::inet + n
      from generate_series(1, ${poolSize}::int) n where n % 100 = 0`);
    await tx.execute(sql`
      insert into ips (id, pool, address, project, name, description, type, created_at, updated_at)
      select gen_random_uuid(), ${pool}, '10.77.0.0'::inet + n,
        (${sql.param(projects.slice(callers))}::uuid[])[1 + n % ${projects.length - callers}::int],
        'bench', '', 'static', now(), now()
      from generate_series(1, ${poolSize}::int) n where n % 100 <> 0`);
  });
  await db.execute(sql`analyze`);
  return { server, pool, projects };
}

/** Makes the pool as full as it was, and clears up as autovacuum does between calls that are not in such a hurry. */
async function refill({ server: { db }, projects }: Site): Promise<void> {
  await db.execute(sql`
    with back as (delete from ips where project = any(${sql.param(projects.slice(0, callers))}::uuid[]) returning *)
    insert into free_addresses (id, pool, first, last) select gen_random_uuid(), pool, address, address from back`);
  await db.execute(sql`vacuum ips, free_addresses`);
}

async function allocateOne({ server: { db }, projects }: Site, caller: number): Promise<void> {
  const project = projects[caller] ?? "";
  const order = { id: uuidv7(), project, name: "bench", description: "", type: "ephemeral", tags: [], most } as const;
  const got = await ipStore.allocate(db, { ...order, now: new Date() });
  if (typeof got === "string") throw new Error(`no address: ${got}`);
}

/** Milliseconds of each call, when all callers make some one after the other. */
async function atOnce(each: number, call: (caller: number) => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  const work = async (caller: number): Promise<void> => {
    for (let i = 0; i < each; i++) {
      const start = performance.now();
      await call(caller);
      times.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, caller) => work(caller)));
  return times;
}
