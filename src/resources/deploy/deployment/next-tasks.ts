import { sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";

/** The task of each of these deployments that runs, or else the next one, by the deployment's id. */
export async function nextTasks(db: Database, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const { rows } = await db.execute<{ deployment: string; id: string }>(sql`
    select distinct on (deployment) deployment, id from deployment_tasks
    where deployment = any(${sql.param(ids)}::uuid[]) and state in ('queued', 'scheduled', 'running', 'canceling')
    order by deployment, (state in ('running', 'canceling')) desc, execute_at, id`);
  return new Map(rows.map(({ deployment, id }) => [deployment, id]));
}
