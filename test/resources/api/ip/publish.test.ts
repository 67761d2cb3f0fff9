import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ClusterService } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { IPService } from "../../../../gen/ts/api/v1/ip_pb.js";
import { handOnFailure } from "../../../../src/jobs/request.js";
import { ipBackground, publishNowTo, queuePublish, queuePublishTo } from "../../../../src/resources/api/ip/jobs.js";
import { addressReader } from "../../../../src/resources/api/ip/reader.js";
import { ipStore } from "../../../../src/resources/api/ip/store.js";
import { syncPools } from "../../../../src/resources/infra/address-pool/background.js";
import { needsPostgres, postgresUrl } from "../../../support/database.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";

let platform: TestPlatform;
beforeAll(async () => {
  // Without a worker the jobs stay where they can be looked at.
  platform = await startPlatform({ background: false });
  await syncPools(platform.platform, platform.platform.addressPools);
});
afterAll(() => platform.close());
beforeEach(() => db().execute(sql`delete from graphile_worker._private_jobs`));

const db = () => platform.platform.db;
const cluster = "00000000-0000-4000-8000-00000000000c";
const key = `addresses.publish-to:${cluster}`;
type Job = { id: string; attempts: number; wait: number; is_available: boolean };
const jobs = async (of: string) =>
  (
    await db().execute<Job>(sql`
      select id, attempts, round(extract(epoch from run_at - now()))::int as wait, is_available
      from graphile_worker._private_jobs where key = ${of}`)
  ).rows;
const spread = () => jobs(`addresses.publish:${platform.project}`);
const order = () => {
  const facts = { name: "n", description: "", type: "ephemeral", tags: [], now: new Date(), most: 0 } as const;
  return { id: platform.platform.newId(), project: platform.project, ...facts };
};
/** The job as it is after that many failures, an hour before its next attempt. */
const fail = (of: string, attempts: number) =>
  db().execute(sql`
    update graphile_worker._private_jobs
    set attempts = ${attempts}, run_at = now() + interval '1 hour', locked_at = null where key = ${of}`);
/** The job while a worker runs it for the nth time. */
const run = (of: string, attempt: number) =>
  db().execute(sql`
    update graphile_worker._private_jobs
    set attempts = ${attempt}, run_at = now(), locked_at = now(), locked_by = 'w' where key = ${of}`);

describe("telling clusters their addresses", () => {
  it("is asked for in the transaction of the allocation", async () => {
    const left = db().transaction(async (tx) => {
      expect(await ipStore.allocate(tx, order())).toMatchObject({ project: platform.project });
      throw new Error("crash");
    });
    await expect(left).rejects.toThrow("crash");
    expect(await spread()).toEqual([]);
    expect(await ipStore.list(db(), platform.project)).toEqual([]);
    await platform.client(IPService).allocate({ name: "web", project: platform.project }, as(platform.tokens.owner));
    expect(await spread()).toHaveLength(1);
  });

  it("is asked for when addresses go with a deleted cluster", async () => {
    const owner = as(platform.tokens.owner);
    const { cluster: made } = await platform
      .client(ClusterService)
      .create({ project: platform.project, name: "gone" }, owner);
    const ip = await ipStore.allocate(db(), order());
    if (typeof ip === "string") throw new Error(ip);
    await db().execute(sql`insert into ip_uses values (${ip.id}, ${made?.uuid}, 'default', 'web', now())`);
    await db().execute(sql`update clusters set deleted_at = now() where id = ${made?.uuid}`);
    await db().execute(sql`delete from graphile_worker._private_jobs`);
    await addressReader(platform.platform).forgetDeleted(db());
    expect(await ipStore.get(db(), platform.project, ip.id)).toBeUndefined();
    expect(await spread()).toHaveLength(1);
    await db().execute(sql`delete from graphile_worker._private_jobs`);
    await addressReader(platform.platform).forgetDeleted(db());
    expect(await spread()).toEqual([]);
  });

  it("does not shorten the wait of a job that failed, and is not doubled", async () => {
    await queuePublishTo(db(), cluster);
    await fail(key, 5);
    const [before] = await jobs(key);
    await queuePublishTo(db(), cluster);
    expect(await jobs(key)).toMatchObject([{ id: before?.id, attempts: 5 }]);
    expect((await jobs(key))[0]?.wait).toBeGreaterThan(3_000);
    // Until the cluster answers again.
    await publishNowTo(db(), cluster);
    expect(await jobs(key)).toMatchObject([{ id: before?.id, attempts: 0 }]);
    expect((await jobs(key))[0]?.wait).toBeLessThanOrEqual(0);
  });

  it("is not lost while a job runs, nor after the last attempt", async () => {
    await queuePublish(db(), platform.project);
    const of = `addresses.publish:${platform.project}`;
    const [first] = await spread();
    await run(of, 1);
    await queuePublish(db(), platform.project);
    const [second] = await spread();
    expect(second).toMatchObject({ attempts: 0, is_available: true });
    expect(second?.id).not.toBe(first?.id);
    await fail(of, 25);
    await queuePublish(db(), platform.project);
    const [third] = await spread();
    expect(third).toMatchObject({ attempts: 0, is_available: true });
    expect(third?.id).not.toBe(second?.id);
  });

  it("waits as the failed attempt would have, when it was asked for meanwhile", async () => {
    await queuePublishTo(db(), cluster);
    await run(key, 6);
    expect(await handOnFailure(db(), key, 6)).toBe(false);
    await queuePublishTo(db(), cluster);
    expect(await jobs(key)).toMatchObject([{ attempts: 0, is_available: true }]);
    expect(await handOnFailure(db(), key, 6)).toBe(true);
    expect(await jobs(key)).toMatchObject([{ attempts: 6, is_available: true }]);
    expect((await jobs(key))[0]?.wait).toBeGreaterThan(300);
    expect(await handOnFailure(db(), key, 6)).toBe(false);
  });

  it("does not wait for a job that workers do not come by", async () => {
    const { cluster: made } = await platform
      .client(ClusterService)
      .create({ project: platform.project, name: "waiting" }, as(platform.tokens.owner));
    const of = `addresses.publish-to:${made?.uuid}`;
    const look = async () => {
      const { tasks } = ipBackground(platform.platform);
      const context = { signal: new AbortController().signal, attempt: 1, log: platform.platform.log };
      await tasks["addresses.publish-held"]?.({}, context);
    };
    await queuePublish(db(), platform.project);
    await look();
    expect(await jobs(of)).toEqual([]);
    await db().execute(sql`update graphile_worker._private_jobs set run_at = now() - interval '11 seconds'`);
    await look();
    expect(await jobs(of)).toHaveLength(1);
    // The job itself is left to workers.
    expect(await spread()).toHaveLength(1);
  });

  it.skipIf(postgresUrl === undefined)(
    `keeps workers from the job until the change is there (${needsPostgres})`,
    async () => {
      await queuePublish(db(), platform.project);
      const takes = async () =>
        (
          await db().execute(sql`
          select id from graphile_worker._private_jobs where is_available for update skip locked`)
        ).rows.length;
      await db().transaction(async (tx) => {
        await ipStore.allocate(tx, order());
        expect(await takes()).toBe(0);
        // Callers do not keep each other from it.
        expect(await ipStore.allocate(db(), order())).toMatchObject({ project: platform.project });
        expect(await takes()).toBe(0);
      });
      expect(await takes()).toBe(1);
    },
  );
});
