import { asNumber } from "../fields.js";
import { timestamp } from "../lifecycle.js";
import type { Fields, KubeObject } from "../types.js";
import { deployments } from "./names.js";
import { conditionOf, refTo, withCondition, withoutCondition } from "./objects.js";
import { isReady } from "./pod-state.js";
import { isAvailable, nextAvailable, podsOfSet } from "./replica-sets.js";
import { boundsOf } from "./rollout.js";
import type { World } from "./world.js";

/** The ReplicaSets of a Deployment: all of them, and that of its template. */
interface Sets {
  readonly sets: readonly KubeObject[];
  readonly fresh: KubeObject | undefined;
}

interface Counts {
  readonly replicas: number;
  readonly updatedReplicas: number;
  readonly readyReplicas: number;
  readonly availableReplicas: number;
}

const standardDeadline = 600;

/** Writes the status of a Deployment; answers in how many milliseconds time alone changes it. */
export async function reportDeployment(world: World, deployment: KubeObject, sets: Sets): Promise<number | undefined> {
  const { metadata, spec = {} } = deployment;
  const all = sets.sets.flatMap((set) => podsOfSet(world, set));
  // Before they are counted: who becomes available in between is looked at again.
  const next = nextAvailable(world, all, spec.minReadySeconds);
  const counts = countsOf(world, deployment, sets);
  const desired = asNumber(spec.replicas ?? 1);
  const before = conditionOf(deployment, "Progressing");
  const complete = isComplete(counts, desired) || isSettled(before, counts, sets.fresh);
  // Any step counts as progress; what was reached already waits for nothing.
  const token = JSON.stringify([counts, metadata.generation, complete]);
  const waited = world.waits.waited(metadata.uid, token);
  const deadline = asNumber(spec.progressDeadlineSeconds ?? standardDeadline) * 1000;
  const late = !complete && spec.paused !== true && (waited >= deadline || staysLate(deployment, before, counts));
  await world.store.patchStatus(refTo(deployments, deployment), (draft) => {
    const asked = sets.sets.reduce((sum, set) => sum + asNumber(set.spec?.replicas), 0);
    const missing = Math.max(0, asked - counts.availableReplicas);
    draft.status = {
      observedGeneration: metadata.generation,
      ...counts,
      ...(missing > 0 ? { unavailableReplicas: missing } : {}),
      conditions: conditionsOf(draft, world, { counts, complete, late, ...sets }),
    };
  });
  if (complete || late || spec.paused === true) return next;
  return Math.min(deadline - waited + 1, next ?? Number.POSITIVE_INFINITY);
}

/** A rollout that was complete once is not begun anew when one of its pods fails or its size changes. */
function isSettled(before: Fields | undefined, counts: Counts, fresh: KubeObject | undefined): boolean {
  const mine = fresh !== undefined && String(before?.message).includes(`"${fresh.metadata.name}"`);
  return before?.reason === "NewReplicaSetAvailable" && mine && counts.replicas === counts.updatedReplicas;
}

/** Whether nothing has happened since the deadline had passed. */
function staysLate({ metadata, status }: KubeObject, before: Fields | undefined, counts: Counts): boolean {
  if (before?.reason !== "ProgressDeadlineExceeded" || status?.observedGeneration !== metadata.generation) return false;
  return Object.entries(counts).every(([name, count]) => asNumber(status?.[name]) === count);
}

function countsOf(world: World, { spec }: KubeObject, { sets, fresh }: Sets): Counts {
  const all = sets.flatMap((set) => podsOfSet(world, set));
  return {
    replicas: all.length,
    updatedReplicas: fresh === undefined ? 0 : podsOfSet(world, fresh).length,
    readyReplicas: all.filter(isReady).length,
    availableReplicas: all.filter((pod) => isAvailable(world, pod, spec?.minReadySeconds)).length,
  };
}

function isComplete({ replicas, updatedReplicas, availableReplicas }: Counts, desired: number): boolean {
  return updatedReplicas === desired && replicas === desired && availableReplicas === desired;
}

interface Findings extends Sets {
  readonly counts: Counts;
  readonly complete: boolean;
  readonly late: boolean;
}

function conditionsOf(deployment: KubeObject, world: World, found: Findings): Fields[] {
  const now = world.clock();
  const { spec = {} } = deployment;
  const { desired, maxUnavailable } = boundsOf(asNumber(spec.replicas ?? 1), rollingUpdateOf(deployment));
  const enough = found.counts.availableReplicas >= desired - maxUnavailable;
  const available = {
    type: "Available",
    status: enough ? "True" : "False",
    reason: enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
    message: enough ? "Deployment has minimum availability." : "Deployment does not have minimum availability.",
  } as const;
  const conditions = withCondition(deployment.status?.conditions, available, now);
  const failure = found.sets.map((set) => conditionOf(set, "ReplicaFailure")).find((one) => one !== undefined);
  const failed = {
    type: "ReplicaFailure",
    status: "True",
    reason: String(failure?.reason),
    message: String(failure?.message),
  } as const;
  const told =
    failure === undefined ? withoutCondition(conditions, "ReplicaFailure") : withCondition(conditions, failed, now);
  return withProgress(told, deployment, found, now);
}

function rollingUpdateOf({ spec }: KubeObject): { maxSurge?: unknown; maxUnavailable?: unknown } {
  const strategy = (spec?.strategy ?? {}) as { type?: unknown; rollingUpdate?: object };
  return strategy.type === "Recreate" ? { maxSurge: 1, maxUnavailable: 0 } : (strategy.rollingUpdate ?? {});
}

function withProgress(conditions: Fields[], deployment: KubeObject, found: Findings, now: Date): Fields[] {
  const before = conditions.find(({ type }) => type === "Progressing");
  const next = { type: "Progressing", ...progressOf(deployment, found, before) } as const;
  const same = before?.reason === next.reason && before?.message === next.message;
  const updated = same ? before?.lastUpdateTime : timestamp(now);
  return withCondition(conditions, next, now).map((one) => {
    if (one.type === "Progressing") return { ...one, lastUpdateTime: updated };
    return { ...one, lastUpdateTime: one.lastUpdateTime ?? timestamp(now) };
  });
}

function progressOf({ metadata, spec }: KubeObject, { fresh, complete, late }: Findings, before: Fields | undefined) {
  const name = fresh?.metadata.name ?? "";
  const subject = fresh === undefined ? `Deployment "${metadata.name}"` : `ReplicaSet "${name}"`;
  const say = (status: "True" | "False" | "Unknown", reason: string, message: string) => ({ status, reason, message });
  if (spec?.paused === true) return say("Unknown", "DeploymentPaused", "Deployment is paused");
  if (complete) return say("True", "NewReplicaSetAvailable", `${subject} has successfully progressed.`);
  if (late) return say("False", "ProgressDeadlineExceeded", `${subject} has timed out progressing.`);
  if (before?.reason === "DeploymentPaused") return say("Unknown", "DeploymentResumed", "Deployment is resumed");
  const isNew = before === undefined && fresh !== undefined;
  return isNew
    ? say("True", "NewReplicaSetCreated", `Created new replica set "${name}"`)
    : say("True", "ReplicaSetUpdated", `${subject} is progressing.`);
}
