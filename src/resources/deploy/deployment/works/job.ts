import type { KubeClient } from "../../../../kube/client.js";
import { KubeError, notFound } from "../../../../kube/errors.js";
import { type KubeObject, pods } from "../../../../kube/objects.js";
import type { Manifest } from "../../engine/engine.js";
import { readLive } from "../../engine/live.js";
import { because, conditionOf, type LiveObject } from "../../engine/standing-facts.js";
import type { TargetKey } from "../../target/store.js";
import type { StepContext, StepOutcome } from "../../task/work.js";
import { type Kit, leftMs, pauseMs } from "./wait.js";

const lastLines = 20;
const mostBytes = 16 * 1024;

/** A Job that a step waits for, and how long it may take. */
export interface FollowedJob {
  readonly target: TargetKey;
  readonly job: Manifest;
  readonly seconds: number;
  /** Name of the step. */
  readonly step: string;
}

/** Waits for the end of a Job that was applied, then writes its last lines to the task's log. */
export async function followJob(kit: Kit, context: StepContext, followed: FollowedJob): Promise<StepOutcome> {
  const { target, job, seconds, step } = followed;
  const { name, namespace } = job.object.metadata;
  return await kit.targets.use(target, async (client) => {
    const live = await client.get<LiveObject>(job.type, { name, namespace }, { signal: context.signal });
    const end = endOf(live);
    if (end !== undefined) {
      await logTail(client, context, live);
      return end.isGood
        ? { type: "done", message: `Job ${name} succeeded` }
        : { type: "failed", message: `Job ${name} failed: ${end.message}` };
    }
    const left = await leftMs(kit, context, step, seconds);
    if (left > 0) {
      return { type: "wait", message: `Job ${name} runs`, afterMs: Math.min(left, pauseMs(kit, context)) };
    }
    await logTail(client, context, live);
    return { type: "failed", message: `Job ${name} did not end within ${seconds} s` };
  });
}

/** How a Job has ended. */
export interface JobEnd {
  readonly isGood: boolean;
  readonly message: string;
}

/** How a Job has ended; undefined while it runs, or when it is not there. */
export async function jobEnd(
  client: KubeClient,
  { type, object }: Manifest,
  signal: AbortSignal,
): Promise<JobEnd | undefined> {
  const live = await readLive(client, type, object.metadata, signal);
  return live && endOf(live);
}

function endOf(job: LiveObject): JobEnd | undefined {
  if (conditionOf(job, "Complete")?.status === "True") return { isGood: true, message: "" };
  const failed = conditionOf(job, "Failed");
  return failed?.status === "True" ? { isGood: false, message: because(failed) } : undefined;
}

/** The last lines of the pod of a Job that came last; without its pod there are none. */
async function logTail(client: KubeClient, { signal, log }: StepContext, { metadata }: LiveObject): Promise<void> {
  const { name, namespace } = metadata;
  try {
    const all = await client.list<KubeObject>(pods, {
      namespace,
      labelSelector: `job-name=${name}`,
      signal,
      limit: 100,
    });
    const last = all.items.toSorted((a, b) => age(a).localeCompare(age(b))).at(-1);
    if (last === undefined) return;
    const query = { tailLines: String(lastLines), limitBytes: String(mostBytes) };
    const bytes = await client.streamBelow(pods, last.metadata, "log", query, signal);
    const chunks: Buffer[] = [];
    for await (const chunk of bytes) chunks.push(chunk);
    const lines = Buffer.concat(chunks).toString("utf8").split("\n");
    for (const line of lines.filter((text) => text !== "").slice(-lastLines)) await log(`${name}: ${line}`);
  } catch (error) {
    // Its log may be gone, or not be there yet; what it ended with is known without.
    if (!notFound(error) && !(error instanceof KubeError && error.code === 400)) throw error;
  }
}

const age = ({ metadata }: KubeObject): string => metadata.creationTimestamp ?? "";
