import { and, eq } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import type { Platform } from "../../../platform.js";
import { settlePhase } from "../deployment/phase.js";
import { endTask } from "./end.js";
import { isLapsed, leaseStore } from "./lease.js";
import { interrupted } from "./progress.js";
import { taskStore } from "./store.js";
import { deploymentTasks } from "./table.js";
import type { DeploymentRow, TaskRow, Works } from "./work.js";

/** How long a task may take beside the times in which a release must become healthy. */
const deadlineMs = 30 * 60_000;
/** Its jobs, its pods, and those of the release that is gone back to may take that time, one after the other. */
const rollouts = 3;

const lapsedMessage = "nobody worked on it for five minutes: retry it";
const lateMessage = "it took too long: see which step did not come to its end, and retry it";

/** A task that this attempt works on. */
export interface Claim {
  readonly task: TaskRow;
  /** The token of the attempt. */
  readonly owner: string;
}

/**
 * Takes the task of a deployment that runs, or else the one whose turn it is; undefined when there is none. It takes
 * it even from an attempt whose lease holds: see docs/deployments.md, "Tasks". What ran out is EXPIRED first.
 */
export async function claimTask(platform: Platform, works: Works, deploymentId: string): Promise<Claim | undefined> {
  const { db, clock, newId } = platform;
  return await db.transaction(async (tx) => {
    const deployment = await leaseStore.lockDeployment(tx, deploymentId);
    if (deployment === undefined) return undefined;
    const now = clock();
    const running = await runningTask(tx, works, deployment, now);
    const owner = newId();
    if (running !== undefined) return { task: await leaseStore.take(tx, { task: running.id, owner }), owner };
    const next = await nextTask(tx, works, deployment, now);
    if (next === undefined) return undefined;
    const deadlineAt = new Date(now.getTime() + rollouts * deployment.rolloutSeconds * 1_000 + deadlineMs);
    const begin = { state: "running", startedAt: now, deadlineAt } as const;
    const task = await leaseStore.take(tx, { task: next.id, owner }, begin);
    await settlePhase(tx, deployment.id);
    return { task, owner };
  });
}

/** Expires the running task of a deployment if it ran out; the next one is queued. */
export async function expireTask({ db, clock }: Platform, works: Works, deploymentId: string): Promise<void> {
  await db.transaction(async (tx) => {
    const deployment = await leaseStore.lockDeployment(tx, deploymentId);
    if (deployment !== undefined) await runningTask(tx, works, deployment, clock());
  });
}

/** The task that runs, locked; one that ran out ends here. */
async function runningTask(tx: Database, works: Works, { id }: DeploymentRow, now: Date): Promise<TaskRow | undefined> {
  const task = await taskStore.lockRunning(tx, id);
  if (task === undefined) return undefined;
  const isLate = task.deadlineAt !== null && task.deadlineAt <= now;
  if (!isLate && !(await hasLapsed(tx, task.id))) return task;
  const message = isLate ? lateMessage : lapsedMessage;
  const steps = task.steps.map((record) => interrupted(record, message, now));
  await endTask(tx, works, task, { end: "expired", message, steps, now });
  return undefined;
}

async function hasLapsed(tx: Database, id: string): Promise<boolean> {
  const rows = await tx
    .select({ id: deploymentTasks.id })
    .from(deploymentTasks)
    .where(and(eq(deploymentTasks.id, id), isLapsed));
  return rows.length > 0;
}

/** The task whose turn it is, locked. Nothing begins for a deployment that is deleted: what waits for it is canceled. */
async function nextTask(
  tx: Database,
  works: Works,
  { id, deletedAt }: DeploymentRow,
  now: Date,
): Promise<TaskRow | undefined> {
  if (deletedAt === null) {
    await taskStore.queueDue(tx, id, now);
    return await taskStore.lockNext(tx, id);
  }
  for (const task of await taskStore.openTasks(tx, id)) {
    await endTask(tx, works, task, { end: "canceled", message: "the deployment was deleted", steps: task.steps, now });
  }
  return undefined;
}
