import { pruneChanges } from "./changes/read.js";
import type { DatabaseServer } from "./db/database.js";
import { runExclusively } from "./db/exclusive.js";
import { addJob, pruneGivenUpJobs, pruneJobQueues } from "./jobs/jobs.js";
import { startWorker } from "./jobs/worker.js";
import type { Platform } from "./platform.js";
import { changeRetentionMs } from "./process.js";
import { backgrounds } from "./resources.js";

/** How long jobs that were given up can be looked at. */
const givenUpRetentionMs = 30 * 24 * 3_600_000;

/** Work in progress that can be stopped. */
export interface RunningBackground {
  /** Finishes the jobs that run, and stops. */
  stop(): Promise<void>;
}

/** Starts the jobs and the controllers of all resources. */
export async function startBackground(
  platform: Platform,
  server: DatabaseServer,
  options: { readonly concurrency: number },
): Promise<RunningBackground> {
  const { log } = platform;
  // Calls may be told to come again when too many wait for the database; jobs and controllers may not.
  const parts = backgrounds.map((background) => background({ ...platform, db: server.patient }));
  for (const { begin } of parts) await begin?.();
  const worker = await startWorker(server, {
    tasks: {
      ...Object.assign({}, ...parts.map(({ tasks }) => tasks)),
      "changes.prune": () => pruneChanges(server.patient, new Date(platform.clock().getTime() - changeRetentionMs)),
      "jobs.prune": async () => {
        await pruneGivenUpJobs(server.patient, new Date(platform.clock().getTime() - givenUpRetentionMs));
        await pruneJobQueues(server.patient);
      },
    },
    cron: [
      { task: "changes.prune", pattern: "*/10 * * * *" },
      { task: "jobs.prune", pattern: "5 * * * *" },
      ...parts.flatMap(({ cron = [] }) => cron),
    ],
    concurrency: options.concurrency,
    log,
  });
  for (const task of parts.flatMap(({ atStart = [] }) => atStart)) {
    await addJob(server.patient, task, {}, { key: task, queue: task });
  }
  const stop = new AbortController();
  const controllers = parts
    .flatMap(({ controllers }) => controllers)
    .map(({ name, run }) => runExclusively(server, name, run, { signal: stop.signal, log }));
  return {
    async stop() {
      stop.abort();
      await Promise.all([...controllers, worker.stop()]);
    },
  };
}
