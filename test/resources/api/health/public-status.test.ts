import { type SQL, sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Service, ServiceStatus } from "../../../../gen/ts/api/v1/health_pb.js";
import { StatusService } from "../../../../gen/ts/status/v1/status_pb.js";
import { addJob } from "../../../../src/jobs/jobs.js";
import { jobsQuery, partitionsQuery } from "../../../../src/resources/api/health/facts.js";
import { runProbes } from "../../../../src/resources/api/health/prober.js";
import { allProbes } from "../../../../src/resources/api/health/probes.js";
import { partitionHealthStore } from "../../../../src/resources/api/health/store.js";
import { startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { clustersOf } from "../../support/clusters.js";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
});
afterAll(() => platform.close());

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 25_000, interval: 50 });
const db = () => platform.platform.db;

/** Three clusters of a tenant, nine volumes and as many snapshots in each. */
async function fill(tenant: TestTenant): Promise<void> {
  for (let made = 0; made < 3; made++) await clustersOf(platform, tenant).create();
  await db().execute(sql`
    update clusters set status_state = 'Succeeded', api_server_ready = 'True', nodes_ready = 'True'
    where project = ${tenant.project}`);
  await db().execute(sql`
    insert into volumes
      (id, project, cluster, partition, persistent_volume, name, storage_class, size, state, volume_handle, created_at, updated_at)
    select gen_random_uuid(), project, id, partition, 'pv-' || n, 'pv-' || n, 'premium', 1, 'Bound', '', now(), now()
    from clusters, generate_series(1, 9) n where project = ${tenant.project}`);
  await db().execute(sql`
    insert into snapshots
      (id, project, cluster, partition, content, namespace, name, storage_class, size, state, created_at, updated_at)
    select gen_random_uuid(), project, id, partition, 'sc-' || n, 'default', 'sc-' || n, 'premium', 1, 'Ready', now(), now()
    from clusters, generate_series(1, 9) n where project = ${tenant.project}`);
}

/** Whatever a tenant can bring about: nothing of it works, its changes wait and fail. */
async function breakAll({ project, tenant }: TestTenant): Promise<void> {
  await db().execute(sql`
    update clusters set api_server_ready = 'False', nodes_ready = 'False' where project = ${project}`);
  for (const table of [sql`volumes`, sql`snapshots`]) {
    await db().execute(sql`update ${table} set state = 'Failed' where project = ${project}`);
  }
  const before = new Date(Date.now() - 3_600_000);
  for (let made = 0; made < 20; made++) {
    await addJob(db(), "broken", { project }, { key: `broken:${tenant}:${made}`, maxAttempts: 1 });
    await addJob(db(), "late", { project }, { key: `late:${tenant}:${made}`, runAt: before });
  }
  await db().execute(sql`
    update graphile_worker._private_jobs set attempts = max_attempts where key like ${`broken:${tenant}:%`}`);
}

/** What everybody is told, and how much of it is that nothing is known. */
async function told() {
  const { overallStatus, health } = await platform.client(StatusService).get({});
  const services = health?.services ?? [];
  const messages = services.flatMap(({ message, partitions }) => [
    message,
    ...Object.values(partitions).map((each) => each.message),
  ]);
  return {
    status: { overallStatus, services: services.map(({ name, status, message }) => [name, status, message]) },
    unknown: messages.filter((message) => message.includes("no worker reports")).length,
  };
}

/** Lets the probes look, with nothing known of before, and tells what everybody sees then. */
async function lookAnew() {
  const { platform: own } = platform;
  await own.db.execute(sql`delete from probe_states`);
  await until(async () => expect((await told()).unknown).toBe(4));
  const at = own.clock();
  await partitionHealthStore.report(own.db, { partition: "eqx-mu4", reachable: true, message: "", at });
  const stop = new AbortController();
  const running = runProbes(own, allProbes(own), stop.signal);
  try {
    await until(async () => expect((await told()).unknown).toBe(0));
    return (await told()).status;
  } finally {
    stop.abort();
    await running;
  }
}

describe("the public status", () => {
  it("does not change whatever becomes of one tenant, and does with two [metalstack.status.v1.StatusService.Get]", async () => {
    const others = [await platform.newTenant(), await platform.newTenant()];
    for (const tenant of [platform, ...others]) await fill(tenant);
    await db().execute(sql`delete from graphile_worker._private_jobs`);
    const well = await lookAnew();
    expect(well.overallStatus).toBe(ServiceStatus.HEALTHY);
    await breakAll(platform);
    expect(await lookAnew()).toEqual(well);
    if (others[0] !== undefined) await breakAll(others[0]);
    expect(await lookAnew()).toEqual({
      overallStatus: ServiceStatus.DEGRADED,
      services: [
        [Service.CLUSTER, ServiceStatus.DEGRADED, "changes are carried out late"],
        [Service.VOLUME, ServiceStatus.DEGRADED, "volumes and snapshots are affected in eqx-mu4"],
        [Service.MACHINES, ServiceStatus.DEGRADED, "machines are affected in eqx-mu4"],
      ],
    });
  }, 90_000);
});

/** A node of a query plan. */
interface PlanNode {
  readonly "Relation Name"?: string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly Plans?: readonly PlanNode[];
}

/** How many rows of clusters, volumes and snapshots a query touches. */
async function rowsTouched(query: SQL): Promise<number> {
  await db().execute(sql`analyze clusters, volumes, snapshots, graphile_worker._private_jobs`);
  const { rows } = await db().execute<{ "QUERY PLAN": [{ Plan: PlanNode }] }>(
    sql`explain (analyze, format json) ${query}`,
  );
  const count = (node: PlanNode): number => {
    const touched = node["Actual Loops"] * (node["Actual Rows"] + (node["Rows Removed by Filter"] ?? 0));
    const own = ["clusters", "volumes", "snapshots"].includes(node["Relation Name"] ?? "") ? touched : 0;
    return own + (node.Plans ?? []).reduce((sum, inner) => sum + count(inner), 0);
  };
  const plan = rows[0]?.["QUERY PLAN"][0]?.Plan;
  if (plan === undefined) throw new Error("no plan");
  return count(plan);
}

it("a look at storage, machines and jobs touches only what is there, however much was deleted", async () => {
  const clusters = clustersOf(platform, await platform.newTenant());
  for (let made = 0; made < 3; made++) await clusters.create();
  const touched = async () => [await rowsTouched(partitionsQuery()), await rowsTouched(jobsQuery([]))] as const;
  const [before] = await touched();
  expect(before).toBeGreaterThan(0);
  const gone = sql`'id', gen_random_uuid(), 'deleted_at', now(), 'delete_requested_at', now()`;
  await db().transaction(async (tx) => {
    // A change in the feed for each of them would take long, and nobody listens.
    await tx.execute(sql`set local session_replication_role = replica`);
    for (const table of [sql`clusters`, sql`volumes`, sql`snapshots`]) {
      await tx.execute(sql`
        insert into ${table}
        select (jsonb_populate_record(null::${table}, to_jsonb(one) || jsonb_build_object(${gone}))).*
        from (select * from ${table} limit 1) one, generate_series(1, 2000)`);
    }
  });
  const [after, byJobs] = await touched();
  expect(after).toBe(before);
  // A job looks for its own cluster and for no other.
  const { rows } = await db().execute<{ jobs: number }>(
    sql`select count(*)::int as jobs from graphile_worker._private_jobs where payload ->> 'id' is not null`,
  );
  expect(byJobs).toBeLessThanOrEqual(rows[0]?.jobs ?? 0);
}, 60_000);
