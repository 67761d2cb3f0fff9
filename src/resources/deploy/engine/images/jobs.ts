import { DomainError } from "../../../../errors.js";
import type { ProcessContent } from "../../spec/content.js";
import type { Manifest, RenderInput } from "../engine.js";
import { cronJobs, jobs } from "../kinds.js";
import { labels } from "../labels.js";
import { fitted, longestCronJob, workloadName } from "../names.js";
import { activePart, manifest, type Part, podLabels, processLabels } from "./part.js";
import { podTemplate } from "./pod.js";

/** How late a job of a schedule may begin; one that was missed for longer, as while it was stopped, is left out. */
const startingDeadlineSeconds = 300;
/** How long a job that was asked for can be looked at after its end. */
const keptSeconds = 86_400;
/** A job is not tried again: whether that does harm only its maker knows. */
const retries = 0;

/** The CronJob of a JOB process with a schedule. */
export function cronJob(part: Part, process: ProcessContent, isStopped: boolean): Manifest {
  const name = fitted(workloadName(part.owner.objectName, process.name), longestCronJob);
  return manifest(
    cronJobs,
    part.owner,
    { name, labels: processLabels(part, process.name) },
    {
      spec: {
        schedule: process.schedule,
        timeZone: "Etc/UTC",
        suspend: isStopped,
        concurrencyPolicy: "Forbid",
        startingDeadlineSeconds,
        jobTemplate: {
          metadata: { labels: podLabels(part, process.name) },
          spec: { backoffLimit: retries, template: podTemplate(part, process, "Never") },
        },
      },
    },
  );
}

/** The Job of a RELEASE_JOB process. */
export function releaseJob(part: Part, process: ProcessContent): Manifest {
  return job(part, process, workloadName(part.owner.objectName, process.name, part.number));
}

/**
 * A Job that runs a JOB process of the active release now, under a name that no other has; `args` instead of its own
 * unless there are none. It is cleared away a day after its end. Throws DomainError "precondition" when there is no
 * JOB process of that name, or when it cannot be rendered.
 */
export function jobManifest(input: RenderInput, process: string, args: readonly string[], name: string): Manifest {
  const part = activePart(input);
  const found = part.release.processes.find((each) => each.name === process && each.kind === "job");
  if (found === undefined) throw new DomainError("precondition", `the active release has no JOB process ${process}`);
  return job(part, found, fitted(name), args.length > 0 ? args : found.args, keptSeconds);
}

function job(part: Part, process: ProcessContent, name: string, args?: readonly string[], kept?: number): Manifest {
  const metadata = {
    name,
    labels: { ...processLabels(part, process.name), [labels.release]: String(part.number) },
  };
  return manifest(jobs, part.owner, metadata, {
    spec: {
      backoffLimit: retries,
      ...(kept === undefined ? {} : { ttlSecondsAfterFinished: kept }),
      template: podTemplate(part, process, "Never", args),
    },
  });
}
