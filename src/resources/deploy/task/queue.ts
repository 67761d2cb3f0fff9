import { sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { addJob } from "../../../jobs/jobs.js";
import { requestJob } from "../../../jobs/request.js";

/** The name of the job that works on the tasks of one deployment. */
export const tasksJob = "deployment.tasks";

const shortestWaitMs = 50;
/** Much shorter than a lease: what waits keeps it. */
const longestWaitMs = 60_000;

const queueOf = (deployment: string): string => `deployment:${deployment}`;

/** Has the tasks of a deployment looked at after the commit, or at that time; one look serves all who ask for it. */
export async function queueTasks(tx: Database, deployment: string, runAt?: Date): Promise<void> {
  const key = `${tasksJob}:${deployment}`;
  const queue = queueOf(deployment);
  if (runAt === undefined) await requestJob(tx, { task: tasksJob, payload: { deployment }, key, queue });
  // A key of its own: it must not put off what is to be looked at before.
  else await addJob(tx, tasksJob, { deployment }, { key: `${key}:${runAt.getTime()}`, queue, runAt });
}

/** Has them looked at again after a while, in milliseconds. */
export async function queueTasksLater(tx: Database, deployment: string, afterMs: number): Promise<void> {
  const runAt = new Date(Date.now() + Math.min(longestWaitMs, Math.max(shortestWaitMs, afterMs)));
  await addJob(
    tx,
    tasksJob,
    { deployment },
    { key: `${tasksJob}:${deployment}:wait`, queue: queueOf(deployment), runAt },
  );
}

/**
 * Brings forward what the running tasks of these deployments wait for, of those that are on a target or have objects
 * there. The ids are as they were read on the target, so they may be of anything; where no task runs, nothing is done.
 */
export async function wakeTasks(db: Database, target: string, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await db.execute(sql`
    select request_job(${tasksJob}, json_build_object('deployment', d.id), ${queueOf("")}::text || d.id,
      ${`${tasksJob}:`}::text || d.id)
    from deployment_tasks t join deployments d on d.id = t.deployment
    where t.state in ('running', 'canceling') and d.id::text = any(${sql.param(ids)}::text[])
      and (d.target = ${target} or d.inventory @> ${JSON.stringify([{ target }])}::jsonb)
    order by d.id`);
}
