import { sql } from "drizzle-orm";
import type { Platform } from "../../../platform.js";

const dayMs = 24 * 3_600_000;

/** Forgets what is too old: idempotency keys after a week, ended tasks after 90 days but for the newest 20 of each deployment, deleted deployments after a week. */
export async function pruneTasks({ db, clock }: Platform): Promise<void> {
  const before = (days: number): string => new Date(clock().getTime() - days * dayMs).toISOString();
  await db.execute(sql`
    update deployment_tasks set idempotency_key = '', request_hash = ''
    where idempotency_key <> '' and created_at < ${before(7)}::timestamptz`);
  await db.execute(sql`
    delete from deployment_tasks using (
      select id, row_number() over (partition by deployment order by id desc) as place
      from deployment_tasks where finished_at is not null
    ) ranked
    where ranked.id = deployment_tasks.id and ranked.place > 20
      and deployment_tasks.finished_at < ${before(90)}::timestamptz`);
  await db.execute(sql`delete from deployments where deleted_at < ${before(7)}::timestamptz`);
}
