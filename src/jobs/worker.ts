import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { DatabaseServer } from "../db/database.js";
import type { TaskHandler } from "./jobs.js";
import { type CronEntry, type JobRunner, startRunner } from "./runner.js";

export interface WorkerOptions {
  /** Handlers by the name of their task. */
  readonly tasks: Readonly<Record<string, TaskHandler>>;
  readonly cron?: readonly CronEntry[];
  /** How many jobs run at once; the pool should have two connections more. */
  readonly concurrency: number;
  readonly log: Logger;
  /** How often to look for jobs without being notified; 2 s unless told. */
  readonly pollMs?: number;
  /** How long an attempt may take; 60 s unless told. */
  readonly deadlineMs?: number;
  /** How long running jobs may take to finish at a stop; 10 s unless told. */
  readonly graceMs?: number;
}

/** A running worker. */
export interface Worker {
  /** Takes no more jobs, lets running ones finish within the grace, and leaves the rest to other workers. */
  stop(): Promise<void>;
}

const FIRST_DELAY_MS = 500;
const LAST_DELAY_MS = 30_000;

/** Works on jobs until it is stopped; throws if it cannot begin, and begins again when it fails later. */
export async function startWorker(server: DatabaseServer, options: WorkerOptions): Promise<Worker> {
  const { log, graceMs = 10_000 } = options;
  const runnerOptions = { cron: [], pollMs: 2_000, deadlineMs: 60_000, ...options };
  const stop = new AbortController();
  let runner: JobRunner | undefined = await startRunner(server, runnerOptions);

  async function supervise(): Promise<void> {
    for (let failures = 0; !stop.signal.aborted; failures += 1) {
      const startedAt = performance.now();
      await runner?.ended;
      runner = undefined;
      // A run that went well for a while starts the count anew.
      if (performance.now() - startedAt > LAST_DELAY_MS) failures = 0;
      const delay = Math.min(LAST_DELAY_MS, FIRST_DELAY_MS * 2 ** failures);
      await sleep(delay, undefined, { signal: stop.signal }).catch(() => {});
      if (stop.signal.aborted) return;
      try {
        runner = await startRunner(server, runnerOptions);
      } catch (error) {
        log.warn({ reason: String(error) }, "the job worker could not begin again; trying again");
      }
    }
  }
  const supervised = supervise();

  return {
    async stop() {
      stop.abort();
      await runner?.stop(graceMs);
      await supervised;
      // It may have begun again meanwhile.
      await runner?.stop(graceMs);
    },
  };
}
