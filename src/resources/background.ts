import type { TaskHandler } from "../jobs/jobs.js";
import type { CronEntry } from "../jobs/runner.js";

/** Work that runs beside the API, in `slipway worker` and `slipway dev`. */
export interface Background {
  /** Handlers of queued jobs, by task name; any worker may run them. */
  readonly tasks: Readonly<Record<string, TaskHandler>>;
  /** Tasks that are queued at fixed times. */
  readonly cron?: readonly CronEntry[];
  /** Done whenever a worker starts, before it takes jobs; when it fails, the worker does not start. */
  readonly begin?: () => Promise<void>;
  /** Tasks that are queued whenever a worker starts. */
  readonly atStart?: readonly string[];
  /** Work that goes on all the time, each in one process of all. */
  readonly controllers: readonly Controller[];
}

/** Work that one process does for all, until the signal aborts. */
export interface Controller {
  /** Unique; it names the lock. */
  readonly name: string;
  run(signal: AbortSignal): Promise<void>;
}
