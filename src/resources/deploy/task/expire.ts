import { sql } from "drizzle-orm";
import type { Platform } from "../../../platform.js";
import { expireTask } from "./claim.js";
import { queueTasks } from "./queue.js";
import type { Works } from "./work.js";

/** Most deployments that are seen to in one go. */
const most = 500;

/** Expires the tasks that ran out, and queues a look at what is due and does not run. It may run any number of times. */
export async function expireTasks(platform: Platform, works: Works): Promise<void> {
  const { db, clock } = platform;
  const now = clock().toISOString();
  const lapsed = await db.execute<{ deployment: string }>(sql`
    select deployment from deployment_tasks
    where state in ('running', 'canceling')
      and (lease_until <= clock_timestamp() or deadline_at <= ${now}::timestamptz)
    order by lease_until limit ${most}`);
  for (const { deployment } of lapsed.rows) await expireTask(platform, works, deployment);
  const due = await db.execute<{ deployment: string }>(sql`
    select deployment from deployment_tasks task
    where state in ('queued', 'scheduled') and execute_at <= ${now}::timestamptz - interval '1 minute'
      and not exists (
        select from deployment_tasks other
        where other.deployment = task.deployment and other.state in ('running', 'canceling'))
    group by deployment order by min(execute_at) limit ${most}`);
  for (const { deployment } of due.rows) await queueTasks(db, deployment);
}
