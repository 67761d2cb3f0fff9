import { sql } from "drizzle-orm";
import type { Database } from "../db/database.js";

/** A job that makes something what the rows say: one that waits serves all who ask for it. */
export interface RequestedJob {
  readonly task: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly key: string;
  /** Jobs of one queue run one after the other. */
  readonly queue: string;
}

/**
 * Asks for a job that runs after the commit, unless one with its key waits that will see what the transaction wrote.
 * Unlike `addJob` it leaves a job that failed its time to wait and its count of attempts.
 */
export async function requestJob(tx: Database, { task, payload, key, queue }: RequestedJob): Promise<void> {
  await tx.execute(sql`select request_job(${task}, ${JSON.stringify(payload)}::json, ${queue}, ${key})`);
}

/**
 * Lets the job that was asked for while another with its key ran wait as long as that other would have after its
 * failure, or every request would be an attempt at once. False when there is none: then the failed job waits itself.
 */
export async function handOnFailure(db: Database, key: string, attempt: number): Promise<boolean> {
  const { rowCount } = await db.execute(sql`
    update graphile_worker._private_jobs
    set attempts = least(${attempt}, max_attempts - 1),
      run_at = greatest(now(), run_at) + exp(least(${attempt}, 10)) * interval '1 second'
    where key = ${key} and is_available and attempts < ${attempt}`);
  return (rowCount ?? 0) > 0;
}

/**
 * What those jobs of a task are about that have been due for so long that no worker seems to come by them. While
 * transactions follow each other that ask for a job, each holds it until its commit, and workers pass it over.
 */
export async function overduePayloads(db: Database, task: string, seconds: number): Promise<unknown[]> {
  const { rows } = await db.execute<{ payload: unknown }>(sql`
    select job.payload from graphile_worker._private_jobs job
    join graphile_worker._private_tasks named on named.id = job.task_id
    where named.identifier = ${task} and job.is_available and job.run_at < now() - ${seconds} * interval '1 second'`);
  return rows.map(({ payload }) => payload);
}
