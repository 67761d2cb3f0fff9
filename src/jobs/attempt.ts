import type { Task } from "graphile-worker";
import type { Logger } from "pino";
import { withoutValues } from "../db/errors.js";
import type { TaskHandler } from "./jobs.js";

/** The attempts that run now. */
export interface Attempts {
  /** The handler as graphile-worker calls it: with a deadline, a log and errors that carry no values. */
  task(name: string, handler: TaskHandler): Task;
  /** Ends all running attempts; they fail and are tried again. */
  abort(reason: Error): void;
}

/** Keeps track of running attempts, none longer than `deadlineMs`. */
export function trackAttempts(deadlineMs: number, log: Logger): Attempts {
  const running = new Set<AbortController>();

  async function run(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const controller = new AbortController();
    const { signal } = controller;
    const deadline = setTimeout(() => controller.abort(new Error(`no end after ${deadlineMs} ms`)), deadlineMs);
    running.add(controller);
    try {
      await new Promise<void>((resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        work(signal).then(resolve, reject);
      });
    } finally {
      clearTimeout(deadline);
      running.delete(controller);
    }
  }

  return {
    task: (name, handler) => async (payload, helpers) => {
      const { id, attempts, max_attempts: maxAttempts } = helpers.job;
      const own = log.child({ task: name, job: id, attempt: attempts });
      try {
        await run(async (signal) => handler(payload, { signal, attempt: attempts, log: own }));
      } catch (error) {
        const clean = withoutValues(error);
        if (attempts < maxAttempts) own.warn({ err: clean }, "job failed; it will be tried again");
        else own.error({ err: clean }, "job failed for the last time");
        // Graphile keeps the message in the database.
        throw clean;
      }
    },
    abort(reason) {
      for (const controller of running) controller.abort(reason);
    },
  };
}
