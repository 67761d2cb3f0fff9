import { EventEmitter, once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Logger as GraphileLogger, parseCronItems, run, type WorkerEvents, type WorkerPool } from "graphile-worker";
import type { Logger } from "pino";
import type { DatabaseServer } from "../db/database.js";
import { trackAttempts } from "./attempt.js";
import { type Guard, openGuard } from "./guard.js";
import type { TaskHandler } from "./jobs.js";

/** A task that is queued at fixed times. */
export interface CronEntry {
  readonly task: string;
  /** Five crontab fields in UTC: minute, hour, day, month, weekday. */
  readonly pattern: string;
}

export interface RunnerOptions {
  readonly tasks: Readonly<Record<string, TaskHandler>>;
  readonly cron: readonly CronEntry[];
  readonly concurrency: number;
  readonly pollMs: number;
  readonly deadlineMs: number;
  readonly log: Logger;
}

/** Time in which the result of a job is written, and its queue freed. */
const QUEUE_FREE_MS = 25;

/** One run of graphile-worker, from its start to its end. */
export interface JobRunner {
  /** Resolves when the run has ended, asked to or not. */
  readonly ended: Promise<void>;
  /** Lets running jobs finish for `graceMs`, then frees them for other workers and aborts them here. */
  stop(graceMs: number): Promise<void>;
}

/** Starts graphile-worker; no job is taken before the guard shows that the worker lives. */
export async function startRunner(server: DatabaseServer, options: RunnerOptions): Promise<JobRunner> {
  const { tasks, log } = options;
  const attempts = trackAttempts(options.deadlineMs, log);
  const events: WorkerEvents = new EventEmitter();
  const created: Promise<[{ workerPool: WorkerPool }]> = once(events, "pool:create") as never;
  let opened = (_guard: Promise<Guard>): void => {};
  const guarded = new Promise<Guard>((resolve) => (opened = resolve));
  const runner = await run({
    pgPool: server.pool,
    events,
    taskList: Object.fromEntries(Object.entries(tasks).map(([name, handler]) => [name, attempts.task(name, handler)])),
    parsedCronItems: parseCronItems(options.cron.map(({ task, pattern }) => ({ task, match: pattern }))),
    logger: graphileLogger(log),
    noHandleSignals: true,
    // Asked before each job; it forbids nothing but makes the worker wait for its guard.
    forbiddenFlags: async () => (await guarded).held().then(() => null),
    preset: {
      worker: {
        concurrentJobs: options.concurrency,
        pollInterval: options.pollMs,
        // Without a batch a result that cannot be written is an unhandled rejection; with it, the end of the run.
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
      },
    },
  });
  const [{ workerPool }] = await created;
  const onLost = (): void => attempts.abort(new Error("the worker lost its connection"));
  opened(openGuard(server, { workerId: workerPool.id, log, onLost }));
  const guard = await guarded.catch(async (error) => {
    await runner.stop().catch(() => {});
    throw error;
  });
  const queues = lookAgainForQueued(events, workerPool, options.concurrency);
  const ended = runner.promise
    .catch((error: Error) => log.error({ reason: error.message }, "the job worker ended"))
    .then(() => {
      queues.stop();
      return guard.release();
    });
  return {
    ended,
    async stop(graceMs) {
      runner.stop().catch(() => {});
      const inTime = new AbortController();
      void ended.then(() => inTime.abort());
      const late = await sleep(graceMs, true, { signal: inTime.signal }).catch(() => false);
      if (late) {
        await server.pool.query("select graphile_worker.force_unlock_workers($1)", [[workerPool.id]]).catch(() => {});
        attempts.abort(new Error("the worker is shutting down"));
      }
      await ended;
    },
  };
}

/**
 * Makes the pool look for jobs shortly after one of a queue is done: its queue
 * becomes free a moment after the worker has looked for its next job, and
 * nothing would tell of it before the next poll.
 */
function lookAgainForQueued(events: WorkerEvents, pool: WorkerPool, concurrency: number): { stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  const look = (): void => {
    timer = undefined;
    pool.nudge(concurrency);
  };
  const onComplete: Parameters<typeof events.on<"job:complete">>[1] = ({ job }) => {
    if (job.job_queue_id !== null) timer ??= setTimeout(look, QUEUE_FREE_MS);
  };
  const stop = (): void => {
    events.off("job:complete", onComplete);
    clearTimeout(timer);
  };
  events.on("job:complete", onComplete);
  // A worker that is on its way out must not be nudged: that would be an error of the process.
  for (const end of endings) events.once(end, stop);
  return { stop };
}

const endings = ["pool:gracefulShutdown", "pool:forcefulShutdown", "worker:release", "worker:stop"] as const;

/** Graphile's own words, without their data; the end of an attempt is logged where it happens. */
function graphileLogger(log: Logger): GraphileLogger {
  const levels = { error: "error", warning: "warn", info: "debug", debug: "trace" } as const;
  return new GraphileLogger((scope) => (level, message, meta) => {
    if (meta?.failure === true) return;
    log[levels[level]]({ worker: scope.workerId, task: scope.taskIdentifier, job: scope.jobId }, message);
  });
}
