import { sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";

/**
 * Makes the phase of a deployment what its tasks say; writes only what changes, and nothing of a deleted one. Call it
 * after every change of a task's state and of `stopped`, in the transaction of the change, which holds the
 * deployment's row. A task whose time has not come does not count: until then nothing is done. With `isNews` the row is
 * written all the same: another task is the next one, which is shown with it.
 */
export async function settlePhase(
  tx: Database,
  deployment: string,
  { isNews = false }: { readonly isNews?: boolean } = {},
): Promise<void> {
  await tx.execute(sql`
    with open as (
      select count(*) > 0 as any, coalesce(bool_or(kind = 'delete'), false) as deletes
      from deployment_tasks where deployment = ${deployment} and state in ('queued', 'running', 'canceling')
    ), newest as (
      select state, message from deployment_tasks
      where deployment = ${deployment} and state in ('succeeded', 'failed', 'expired')
      order by finished_at desc, id desc limit 1
    ), settled as (
      select
        case
          when open.deletes then 'deleting'
          when open.any then 'working'
          when newest.state in ('failed', 'expired') then 'failed'
          when deployments.stopped <> '' then 'stopped'
          else 'idle'
        end as phase,
        case when not open.any and newest.state in ('failed', 'expired') then newest.message else '' end as message
      from deployments cross join open left join newest on true
      where deployments.id = ${deployment}
    )
    update deployments set phase = settled.phase, phase_message = settled.message
    from settled
    where deployments.id = ${deployment} and deployments.deleted_at is null
      and (${isNews} or
        (deployments.phase, deployments.phase_message) is distinct from (settled.phase, settled.message))`);
}
