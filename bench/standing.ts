import { sql } from "drizzle-orm";
import { pino } from "pino";
import { v7 as uuidv7 } from "uuid";
import { openChangeFeed } from "../src/changes/feed.js";
import type { Database } from "../src/db/database.js";
import { migrate } from "../src/db/migrate.js";
import { prepared } from "../src/db/prepared.js";
import { createStandings, type Standings } from "../src/resources/api/payment/standing.js";
import { customers } from "../src/resources/api/payment/table.js";
import { projects } from "../src/resources/api/project/table.js";
import { ensurePersonalTenant } from "../src/resources/api/tenant/personal.js";
import { tenants } from "../src/resources/api/tenant/table.js";
import { microseconds, openServer } from "./auth.js";
import { type BenchRun, compare, median } from "./measure.js";
import { databasesOf } from "./processes.js";

const goalMicroseconds = 50;
const tenant = "bench";
const clock = () => new Date();
const log = pino({ level: "silent" });

/** What a chargeable call pays to know whether its tenant may spend, and what HasPaymentMethod pays to know its answer. */
export async function standing(run: BenchRun): Promise<void> {
  for (const { name, open } of databasesOf(run)) {
    const server = await openServer(run, await open());
    await migrate(server, log);
    const { db } = server;
    const project = await ensurePersonalTenant(db, tenant, { now: clock(), newId: uuidv7 });
    await insertCustomer(db);
    const feed = await openChangeFeed(server, { log, clock, retentionMs: 3_600_000 });
    const isTold = () => Math.abs(clock().getTime() - feed.status().lastReadAt.getTime()) < 5_000;
    const standings = createStandings({ db, feed, clock, billing: undefined, isTold });
    run.onEnd(async () => {
      standings.close();
      await feed.close();
    });
    const asked = () => query(db).execute({ project });
    await measure(run, `standing.chargeable.${name}`, () => standings.demand({ project }), asked);
    await measure(run, `standing.has-payment-method.${name}`, () => hasPaymentMethod(standings, project), asked);
  }
}

async function insertCustomer(db: Database): Promise<void> {
  const stamps = { createdAt: clock(), updatedAt: clock() };
  const account = { tenant, id: "cus_00000000000001", processor: "ledger", paymentMethodId: "bench" } as const;
  await db.insert(customers).values({ ...account, ...stamps });
}

/** The least that would have to be asked without a memory: the tenant of the project, and whether it can pay. */
const query = prepared((db) =>
  db
    .select({ admitted: tenants.admitted, paymentMethod: sql<boolean>`${customers.paymentMethodId} is not null` })
    .from(projects)
    .innerJoin(tenants, sql`${tenants.login} = ${projects.tenant}`)
    .leftJoin(customers, sql`${customers.tenant} = ${tenants.login}`)
    .where(sql`${projects.id} = ${sql.placeholder("project")}`)
    .prepare("bench_standing"),
);

async function hasPaymentMethod(standings: Standings, project: string): Promise<void> {
  if ((await standings.tenantOf(project)) !== tenant) throw new Error("the project is unknown");
  const means = await standings.means(tenant);
  if (means?.paymentMethod !== true) throw new Error("the payment method is unknown");
}

async function measure(
  run: BenchRun,
  name: string,
  ours: () => Promise<unknown>,
  baseline: () => Promise<unknown>,
): Promise<void> {
  const rounds: { ours: number; baseline: number }[] = [];
  await microseconds(ours, run.short ? 100 : 20_000);
  await microseconds(baseline, run.short ? 10 : 500);
  for (let i = 0; i < (run.short ? 1 : 7); i++) {
    rounds.push({
      ours: await microseconds(ours, run.short ? 1_000 : 50_000),
      baseline: await microseconds(baseline, run.short ? 50 : 1_000),
    });
  }
  const [mine, its] = [median(rounds.map((round) => round.ours)), median(rounds.map((round) => round.baseline))];
  run.report(compare(name, "µs", mine, its, { below: goalMicroseconds }));
}
