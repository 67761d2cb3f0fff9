import { type SQL, sql } from "drizzle-orm";
import type { Logger } from "pino";
import type { Database } from "../db/database.js";

/** What a handler knows of the attempt that it makes. */
export interface AttemptContext {
  /** Aborts at the deadline, at a shutdown, or when another worker may take the job over: stop then. */
  readonly signal: AbortSignal;
  /** 1 for the first attempt. */
  readonly attempt: number;
  readonly log: Logger;
}

/** Does a job. It may run more than once, after a crash or a failure, so each step must bear repetition. */
export type TaskHandler = (payload: unknown, context: AttemptContext) => Promise<void>;

export interface JobOptions {
  /** Replaces a waiting job with the same key; a running one is left alone and the new one runs as well. */
  readonly key?: string;
  /** Jobs of one queue run one after the other. */
  readonly queue?: string;
  /** Not before this time; at once unless told. */
  readonly runAt?: Date;
  /** 25 unless told; the waiting time grows from 3 s to 6 h. */
  readonly maxAttempts?: number;
}

/** Queues a job; it runs once the transaction is committed, and not at all if that is rolled back. */
export async function addJob(
  tx: Database,
  task: string,
  payload: Record<string, unknown>,
  options: JobOptions = {},
): Promise<void> {
  await tx.execute(sql`
    select 1 from graphile_worker.add_job(
      ${task}::text,
      ${JSON.stringify(payload)}::json,
      queue_name := ${options.queue ?? null}::text,
      run_at := ${options.runAt?.toISOString() ?? null}::timestamptz,
      max_attempts := ${options.maxAttempts ?? 25}::int,
      job_key := ${options.key ?? null}::text,
      job_key_mode := 'replace'
    )`);
}

/** What a statement says of the job that it queues; texts are expressions of the type text, the payload of json. */
export interface JobExpressions {
  readonly task: SQL;
  readonly payload: SQL;
  readonly key: SQL;
  readonly queue: SQL;
}

/**
 * The queueing of a job as `addJob` does it, for the `from` of a statement that also writes what the job is about:
 * then both take one round trip. It queues one for each row of the tables before it.
 */
export function addJobCall({ task, payload, key, queue }: JobExpressions): SQL {
  return sql`graphile_worker.add_job(
    ${task}, ${payload}, queue_name := ${queue}, max_attempts := 25, job_key := ${key}, job_key_mode := 'replace')`;
}

/** Forgets jobs that were given up before a time; until then they are kept, to tell what was not done. */
export async function pruneGivenUpJobs(db: Database, before: Date): Promise<void> {
  await db.execute(sql`
    delete from graphile_worker._private_jobs
    where attempts >= max_attempts and locked_at is null and updated_at < ${before.toISOString()}::timestamptz`);
}

/** Forgets queues without jobs; call it now and then where queues are named after things that come and go. */
export async function pruneJobQueues(db: Database): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.execute(sql`set local lock_timeout = '2s'`);
    // Nobody may choose a queue between the look for its jobs and its end.
    await tx.execute(sql`lock table graphile_worker._private_job_queues in exclusive mode`);
    await tx.execute(sql`
      delete from graphile_worker._private_job_queues queues
      where locked_at is null
        and not exists (select 1 from graphile_worker._private_jobs jobs where jobs.job_queue_id = queues.id)`);
  });
}
