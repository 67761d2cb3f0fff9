import { Cron } from "croner";
import { asFields, asNumber, asText } from "../fields.js";
import { timestamp } from "../lifecycle.js";
import type { KubeObject } from "../types.js";
import { type Controller, whenOwned } from "./controller.js";
import { isFinished } from "./jobs.js";
import { cronJobs, jobs } from "./names.js";
import { podKeys } from "./object-index.js";
import { conditionOf, isDying, ownedBy, refTo } from "./objects.js";
import type { World } from "./world.js";

const component = "cronjob-controller";
const scheduledNote = "batch.kubernetes.io/cronjob-scheduled-timestamp";
/** Runs that were missed beyond these are not looked through. */
const mostMissed = 100;
const longestWait = 24 * 3_600_000;

/** Makes Jobs by the clock: schedules are in real time, however fast the rest goes. */
export const cronJobController: Controller = {
  resource: cronJobs,
  triggers: [whenOwned(jobs, "CronJob")],
  async reconcile(cronJob, world) {
    if (isDying(cronJob)) return undefined;
    await forgetOld(cronJob, world);
    const schedule = scheduleOf(cronJob);
    if (schedule === undefined) {
      const message = `unparseable schedule: ${JSON.stringify(asText(cronJob.spec?.schedule))}`;
      world.events.record(cronJob, { type: "Warning", reason: "UnparseableSchedule", message, component });
      return undefined;
    }
    const due = cronJob.spec?.suspend === true ? undefined : dueOf(cronJob, schedule, world.clock());
    const started = due === undefined ? undefined : await start(cronJob, world, due);
    await report(cronJob, world, started);
    if (cronJob.spec?.suspend === true) return undefined;
    const now = world.clock();
    const next = schedule.nextRun(now)?.getTime();
    // The controller shortens what it is told; the clock does not.
    return next === undefined ? undefined : Math.min(longestWait, next - now.getTime() + 1) * world.timeScale;
  },
};

function scheduleOf({ spec }: KubeObject): Cron | undefined {
  const pattern = asText(spec?.schedule);
  const timezone = asText(spec?.timeZone) || "UTC";
  if (!pattern.startsWith("@") && pattern.trim().split(/\s+/).length !== 5) return undefined;
  try {
    return new Cron(pattern, { timezone, paused: true });
  } catch {
    return undefined;
  }
}

/** The latest time that a Job should have been started at and was not; undefined when there is none. */
function dueOf({ metadata, spec, status }: KubeObject, schedule: Cron, now: Date): Date | undefined {
  const deadline = spec?.startingDeadlineSeconds;
  const last = Date.parse(asText(status?.lastScheduleTime) || metadata.creationTimestamp);
  const earliest = deadline === undefined ? last : Math.max(last, now.getTime() - asNumber(deadline) * 1000);
  let due: Date | undefined;
  let next = schedule.nextRun(new Date(earliest));
  for (let count = 0; next !== null && next <= now && count < mostMissed; count += 1) {
    due = next;
    next = schedule.nextRun(next);
  }
  return due;
}

function jobsOf({ owned }: World, { metadata }: KubeObject): KubeObject[] {
  const all = owned.get(podKeys.owner(metadata.uid)).filter(({ kind }) => kind === "Job");
  return all.sort((a, b) => (scheduledAt(a) < scheduledAt(b) ? -1 : 1));
}

function scheduledAt({ metadata }: KubeObject): string {
  return metadata.annotations?.[scheduledNote] ?? metadata.creationTimestamp;
}

/** Starts the Job of a time as the policy allows; answers the time when it is dealt with. */
async function start(cronJob: KubeObject, world: World, due: Date): Promise<Date | undefined> {
  const active = jobsOf(world, cronJob).filter((job) => !isFinished(job));
  const { concurrencyPolicy, jobTemplate } = cronJob.spec ?? {};
  if (concurrencyPolicy === "Forbid" && active.length > 0) {
    const message = "Not starting job because prior execution is running and concurrency policy is Forbid";
    world.events.record(cronJob, { type: "Normal", reason: "JobAlreadyActive", message, component });
    return undefined;
  }
  if (concurrencyPolicy === "Replace") {
    for (const job of active) await world.store.delete(refTo(jobs, job), { uid: job.metadata.uid });
  }
  const { metadata, spec } = asFields(jobTemplate);
  const { labels, annotations } = asFields(metadata);
  const name = `${cronJob.metadata.name.slice(0, 52)}-${Math.floor(due.getTime() / 60_000)}`;
  const { namespace = "default" } = cronJob.metadata;
  if (world.store.get({ ...jobs, namespace, name }) === undefined) {
    await world.store.create(jobs, {
      metadata: {
        name,
        namespace,
        labels: asFields(labels) as Record<string, string>,
        annotations: { ...(asFields(annotations) as Record<string, string>), [scheduledNote]: timestamp(due) },
        ownerReferences: ownedBy(cronJob),
      },
      spec: asFields(spec),
    });
    const message = `Created job ${name}`;
    world.events.record(cronJob, { type: "Normal", reason: "SuccessfulCreate", message, component });
  }
  return due;
}

/** Deletes the oldest Jobs beyond those that are kept to be looked at. */
async function forgetOld(cronJob: KubeObject, world: World): Promise<void> {
  const { successfulJobsHistoryLimit, failedJobsHistoryLimit } = cronJob.spec ?? {};
  const limits = [
    ["Complete", asNumber(successfulJobsHistoryLimit ?? 3)],
    ["Failed", asNumber(failedJobsHistoryLimit ?? 1)],
  ] as const;
  for (const [type, limit] of limits) {
    const ended = jobsOf(world, cronJob).filter((job) => conditionOf(job, type)?.status === "True" && !isDying(job));
    for (const job of ended.slice(0, Math.max(0, ended.length - limit))) {
      await world.store.delete(refTo(jobs, job), { uid: job.metadata.uid });
    }
  }
}

async function report(cronJob: KubeObject, world: World, started: Date | undefined): Promise<void> {
  const all = jobsOf(world, cronJob);
  const active = all.filter((job) => !isFinished(job) && !isDying(job));
  const ended = all.map(({ status }) => asText(status?.completionTime)).filter((time) => time !== "");
  const last = ended.sort().at(-1);
  await world.store.patchStatus(refTo(cronJobs, cronJob), (draft) => {
    const { lastScheduleTime, lastSuccessfulTime } = draft.status ?? {};
    const schedule = started === undefined ? lastScheduleTime : timestamp(started);
    const successful = last ?? lastSuccessfulTime;
    draft.status = {
      ...(active.length > 0 ? { active: active.map(referenceTo) } : {}),
      ...(schedule === undefined ? {} : { lastScheduleTime: schedule }),
      ...(successful === undefined ? {} : { lastSuccessfulTime: successful }),
    };
  });
}

function referenceTo({ apiVersion, kind, metadata }: KubeObject) {
  const { name, namespace, uid, resourceVersion } = metadata;
  return { apiVersion, kind, name, namespace, uid, resourceVersion };
}
