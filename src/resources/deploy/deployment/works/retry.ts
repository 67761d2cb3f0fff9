import type { Database } from "../../../../db/database.js";
import { DomainError } from "../../../../errors.js";
import type { Platform } from "../../../../platform.js";
import { demandQuota } from "../../quota/demand.js";
import { releaseStore } from "../../release/store.js";
import type { RetryOrder, RetryPlan, TaskRow } from "../../task/work.js";
import { deploymentStore } from "../store.js";
import { numberOf } from "./plan.js";

/** Steps whose effects belong to the number of one release: the release that is made instead needs its own. */
const ofOneRelease = ["resolve", "apply", "workloads", "wait"];

/** A release that failed stays so: another one of the same change takes its place. Jobs that ended well do not run again. */
export async function retryRelease(
  { newId }: Platform,
  tx: Database,
  task: TaskRow,
  { deployment, actor, now }: RetryOrder,
): Promise<RetryPlan> {
  const before = await releaseStore.get(tx, deployment.id, numberOf(task));
  if (before === undefined) throw new DomainError("precondition", `release ${task.release} is deleted: make a new one`);
  if (before.status !== "failed") return await retryWithUnits(tx, task, { deployment });
  await demandUnits(tx, task, { deployment });
  const number = deployment.lastRelease + 1;
  const { cause, rollbackOf, summary, changeSealed, usesSecrets, usesVolumeClaims } = before;
  await releaseStore.insert(tx, {
    id: newId(),
    deployment: deployment.id,
    number,
    cause,
    rollbackOf,
    summary,
    changeSealed,
    usesSecrets,
    usesVolumeClaims,
    createdBy: actor,
    createdAt: now,
  });
  await deploymentStore.update(tx, deployment.id, { lastRelease: number });
  return { release: number, redo: ofOneRelease };
}

/** The same task again, as far as quotas allow. */
export async function retryWithUnits(
  tx: Database,
  task: TaskRow,
  order: Pick<RetryOrder, "deployment">,
): Promise<RetryPlan> {
  await demandUnits(tx, task, order);
  return {};
}

async function demandUnits(
  tx: Database,
  { unitsAfter }: TaskRow,
  { deployment }: Pick<RetryOrder, "deployment">,
): Promise<void> {
  if (unitsAfter === null) return;
  const { id, project, environment } = deployment;
  await demandQuota(tx, { project, environment, deployment: id, newDeployments: 0, unitsAfter });
}
