import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { addJob, pruneGivenUpJobs, pruneJobQueues } from "../../src/jobs/jobs.js";
import { startPlatform, type TestPlatform } from "../support/platform.js";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
});
afterAll(() => platform.close());

const db = () => platform.platform.db;
const day = 24 * 3_600_000;
/** A job that was last touched so many days ago. */
const job = async (key: string, days: number, { attempts = 25, locked = false } = {}) => {
  await addJob(db(), "test", {}, { key, queue: key });
  await db().execute(sql`
    update graphile_worker._private_jobs
    set attempts = ${attempts}, updated_at = now() - ${days} * interval '1 day',
      locked_at = ${locked ? sql`now()` : sql`null`}, locked_by = ${locked ? "w" : null}
    where key = ${key}`);
};
const names = async (of: "jobs" | "queues") => {
  const query =
    of === "jobs"
      ? sql`select key as name from graphile_worker._private_jobs order by 1`
      : sql`select queue_name as name from graphile_worker._private_job_queues order by 1`;
  return (await db().execute<{ name: string }>(query)).rows.map(({ name }) => name);
};

test("jobs that were given up are kept for a time, then they and their queues are forgotten", async () => {
  await job("given up, long ago", 31);
  await job("given up", 29);
  await job("running for the last time", 31, { locked: true });
  await job("waiting", 31, { attempts: 24 });
  await pruneGivenUpJobs(db(), new Date(Date.now() - 30 * day));
  await pruneJobQueues(db());
  const left = ["given up", "running for the last time", "waiting"];
  expect(await names("jobs")).toEqual(left);
  expect(await names("queues")).toEqual(left);
});
