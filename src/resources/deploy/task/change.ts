import { and, eq } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { settlePhase } from "../deployment/phase.js";
import { deployments } from "../deployment/table.js";
import { endTask } from "./end.js";
import { leaseStore } from "./lease.js";
import { isDone, settled } from "./progress.js";
import { queueTasks } from "./queue.js";
import { type TaskKey, taskStore } from "./store.js";
import { deploymentTasks, type StepRecord } from "./table.js";
import type { DeploymentRow, TaskRow, Works } from "./work.js";

/** The row; or NOT_FOUND. */
export function found(row: TaskRow | undefined, task: string): TaskRow {
  if (row === undefined) throw new DomainError("missing", `task ${task} does not exist`);
  return row;
}

/** Cancels a task: one that waits at once, one that runs at the end of its step. */
export async function cancelTask(platform: Platform, works: Works, key: TaskKey, actor: string): Promise<TaskRow> {
  return await platform.db.transaction(async (tx) => {
    const { task } = await lockTask(tx, key);
    if (task.state === "canceling") return task;
    if (task.finishedAt !== null) {
      throw new DomainError("precondition", `the task has ended: it is ${task.state.toUpperCase()}`);
    }
    const message = `it was canceled by ${actor}`;
    if (task.state !== "running") {
      const ending = { end: "canceled", message, steps: task.steps, now: platform.clock() } as const;
      return await endTask(tx, works, task, ending);
    }
    const isUndone = task.steps.some(({ state }) => state === "failed");
    const reason = isUndone ? "it has failed, and is being undone" : works[task.kind].uncancelable?.(task);
    if (reason !== undefined) throw new DomainError("precondition", `the task cannot be canceled: ${reason}`);
    const [canceling] = await tx
      .update(deploymentTasks)
      .set({ state: "canceling", message })
      .where(and(eq(deploymentTasks.id, task.id), eq(deploymentTasks.state, "running")))
      .returning();
    await queueTasks(tx, task.deployment);
    return found(canceling, task.id);
  });
}

/** Does a task again that failed, expired or was canceled, as a new one. */
export async function retryTask(platform: Platform, works: Works, key: TaskKey, actor: string): Promise<TaskRow> {
  const { db, clock, newId } = platform;
  return await db.transaction(async (tx) => {
    const { task, deployment } = await lockTask(tx, key);
    await refuseRetry(tx, task, deployment);
    const now = clock();
    const id = newId();
    const plan = await works[task.kind].retry?.(tx, task, { deployment, task: id, actor, now });
    const { project, kind, params, reason } = task;
    const row = await taskStore.insert(tx, {
      ...{ id, project, deployment: deployment.id, kind, params, reason, actor },
      ...{ release: plan?.release ?? task.release, unitsAfter: plan?.unitsAfter ?? task.unitsAfter },
      ...{ retryOf: task.id, executeAt: now, createdAt: now, steps: keptSteps(works, task, plan?.redo ?? []) },
    });
    await tx
      .update(deployments)
      .set({ version: deployment.version + 1, updatedAt: now })
      .where(eq(deployments.id, deployment.id));
    await settlePhase(tx, deployment.id);
    await queueTasks(tx, deployment.id);
    return row;
  });
}

/** A task within the caller's scope, locked after its deployment. */
async function lockTask(tx: Database, key: TaskKey): Promise<{ task: TaskRow; deployment: DeploymentRow }> {
  const seen = found(await taskStore.get(tx, key), key.id);
  const deployment = await leaseStore.lockDeployment(tx, seen.deployment);
  const task = found(await taskStore.lock(tx, key), key.id);
  if (deployment === undefined) throw new DomainError("missing", `task ${key.id} does not exist`);
  return { task, deployment };
}

async function refuseRetry(tx: Database, task: TaskRow, { deletedAt }: DeploymentRow): Promise<void> {
  if (task.state !== "failed" && task.state !== "expired" && task.state !== "canceled") {
    throw new DomainError(
      "precondition",
      `only a task that FAILED, EXPIRED or was CANCELED can be retried: it is ${task.state.toUpperCase()}`,
    );
  }
  if (deletedAt !== null) throw new DomainError("precondition", "the deployment is deleted");
  const newer = await taskStore.newerThan(tx, task);
  if (newer === undefined) return;
  throw new DomainError("precondition", `something newer was done for the deployment: see task ${newer.id}`);
}

/** What need not be done again: what was done and not undone. */
function keptSteps(works: Works, task: TaskRow, redo: readonly string[]): StepRecord[] {
  const names = new Set(works[task.kind].steps(task).map(({ name }) => name));
  const isUndone = task.steps.some(({ name, startedAt }) => !names.has(name) && startedAt !== undefined);
  if (isUndone) return [];
  return task.steps.filter(({ name, state }) => names.has(name) && isDone(state) && !redo.includes(name)).map(settled);
}
