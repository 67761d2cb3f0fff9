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
const log = pino({ level: "silent" });

/**
 * How long one address takes out of a /16 of which 99 % is taken, in pieces, by 16 callers at once on
 * PostgreSQL; beside a plain insert of a row of that size, which is the least that a lasting allocation costs.
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
    const project = await ensurePersonalTenant(server.db, "bench", { now: new Date(), newId: uuidv7 });
    const pool = await fullPool(server, project);
    await server.db.execute(sql`create table plain (id uuid primary key, text text not null)`);
    const each = run.short ? 2 : 30;
    const take = (): Promise<unknown> => allocateOne(server, pool, project);
    const insert = (): Promise<unknown> =>
      server.db.execute(sql`insert into plain values (${uuidv7()}, ${"x".repeat(100)})`);
    await atOnce(6, take);
    await atOnce(6, insert);
    const ours: number[] = [];
    const baseline: number[] = [];
    for (let round = 0; round < each; round += 2) {
      ours.push(...(await atOnce(2, take)));
      baseline.push(...(await atOnce(2, insert)));
    }
    const at = (share: number) => [percentile(ours, share), percentile(baseline, share)] as const;
    run.report(compare(`allocate.${name}.p50`, "ms", ...at(0.5)));
    run.report(compare(`allocate.${name}.p99`, "ms", ...at(0.99), goalMs));
  }
}

/** A /16 with 655 free addresses that lie apart from each other. */
async function fullPool({ db }: DatabaseServer, project: string): Promise<string> {
  const pool = uuidv7();
  const now = new Date();
  const range = parseRange("10.77.0.0/16");
  await db.transaction(async (tx) => {
    const row = { id: pool, name: "bench", network: "bench", configured: false, createdAt: now, updatedAt: now };
    await addressPoolStore.insert(tx, row);
    await addressPoolStore.addRanges(tx, pool, [range], uuidv7);
    await tx.execute(sql`delete from free_addresses where pool = ${pool}`);
    await tx.execute(sql`
      insert into free_addresses (id, pool, first, last)
      select gen_random_uuid(), ${pool}, '10.77.0.0'::inet + n, '10.77.0.0'::inet + n
      from generate_series(1, 65534) n where n % 100 = 0`);
    await tx.execute(sql`
      insert into ips (id, pool, address, project, name, description, type, created_at, updated_at)
      select gen_random_uuid(), ${pool}, '10.77.0.0'::inet + n, ${project}, 'bench', '', 'static', now(), now()
      from generate_series(1, 65534) n where n % 100 <> 0`);
  });
  await db.execute(sql`analyze`);
  return pool;
}

async function allocateOne({ db }: DatabaseServer, pool: string, project: string): Promise<void> {
  const order = { id: uuidv7(), project, name: "bench", description: "", type: "ephemeral", tags: [] } as const;
  const address = await ipStore.allocate(db, pool, { ...order, now: new Date() });
  if (address === undefined) throw new Error("the pool of the bench is empty");
}

/** Milliseconds of each call, when all callers make some one after the other. */
async function atOnce(each: number, call: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  const caller = async (): Promise<void> => {
    for (let i = 0; i < each; i++) {
      const start = performance.now();
      await call();
      times.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return times;
}
