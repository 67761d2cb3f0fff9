import type { TaskHandler } from "../../../jobs/jobs.js";
import type { Platform } from "../../../platform.js";
import { type AttemptLimits, workOn } from "./attempt.js";
import { claimTask } from "./claim.js";
import type { Works } from "./work.js";

const usualLimits: AttemptLimits = { attemptMs: 45_000, renewMs: 30_000 };

/**
 * The job that works on the tasks of one deployment. An attempt takes the task that runs, or else the one whose turn
 * it is, and works on it until it waits or ends; the job is queued again for what is left to do.
 */
export function taskRunner(platform: Platform, works: Works, limits: AttemptLimits = usualLimits): TaskHandler {
  return async (payload, context) => {
    const { deployment } = payload as { deployment: string };
    const claim = await claimTask(platform, works, deployment);
    if (claim !== undefined) await workOn(platform, works, claim, context, limits);
  };
}
