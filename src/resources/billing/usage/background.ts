import { addJob, type TaskHandler } from "../../../jobs/jobs.js";
import type { Platform } from "../../../platform.js";
import type { Background } from "../../background.js";
import { meter } from "./meter.js";

/** The job that meters the hours that are over. */
export const meterTask = "usage.meter";

/** A job may take a minute; one that is not done by then is queued again, and other jobs have their turn. */
const jobMs = 40_000;

/** What workers do for use: meter it, a few minutes after each full hour, when its last facts have come. */
export function usageBackground(platform: Platform): Background {
  return {
    tasks: { [meterTask]: meterHours(platform) },
    cron: [{ task: meterTask, pattern: "4 * * * *" }],
    atStart: [meterTask],
    controllers: [],
  };
}

function meterHours(platform: Platform): TaskHandler {
  return async (_, { signal }) => {
    const enough = AbortSignal.any([signal, AbortSignal.timeout(jobMs)]);
    const finished = await meter(platform, platform.clock(), { signal: enough });
    if (!finished) await addJob(platform.db, meterTask, {}, { key: meterTask, queue: meterTask });
  };
}
