import type { Database } from "../../../../db/database.js";
import type { Platform } from "../../../../platform.js";
import { releaseStore } from "../../release/store.js";
import { routeTaskEnded } from "../../route/work.js";
import type { Step, StepContext, TaskEnd, TaskRow, Work, Works } from "../../task/work.js";
import { queueDependents } from "../dependents.js";
import { forgetDeployment } from "../forget.js";
import { capacitySteps, startSteps, uninstallSteps } from "./capacity-steps.js";
import { type OpenTarget, targetClients } from "./clients.js";
import { deleteSteps } from "./delete-steps.js";
import { releaseSteps } from "./release-steps.js";
import { restartObjectSteps, restartSteps } from "./restart.js";
import { restoreSteps } from "./restore.js";
import { retryRelease, retryWithUnits } from "./retry.js";
import { routeTaskSteps } from "./route-steps.js";
import { runJobSteps, stopJobSteps } from "./run-job.js";
import type { Kit } from "./wait.js";

/** What tasks of each kind do. */
export function works(platform: Platform, open?: OpenTarget): Works {
  const kit: Kit = { platform, targets: targetClients(platform, open) };
  const release = releaseWork(kit);
  const capacity = (steps: (task: TaskRow) => readonly Step[]): Work => ({
    steps,
    undo: () => restoreSteps(kit, () => undefined),
    retry: retryWithUnits,
  });
  return {
    create: release,
    release,
    move: release,
    scale: capacity(() => capacitySteps(kit)),
    start: capacity(() => startSteps(kit)),
    stop: capacity(({ params }) => (params.stopMode === "uninstall" ? uninstallSteps(kit) : capacitySteps(kit))),
    restart: { steps: () => restartSteps(kit) },
    delete: deleteWork(kit),
    route: {
      steps: () => routeTaskSteps(kit),
      ended: routeTaskEnded,
    },
    action: {
      steps: ({ params }) => (params.job === undefined ? restartObjectSteps(kit) : runJobSteps(kit)),
      undo: ({ params }) => (params.job === undefined ? [] : stopJobSteps(kit)),
    },
  };
}

function releaseWork(kit: Kit): Work {
  return {
    steps: () => releaseSteps(kit),
    undo: (_, end) => restoreSteps(kit, (context) => reasonToStay(context, end)),
    uncancelable: (task) => (isDone(task, "activate") ? `release ${task.release} is active already` : undefined),
    retry: (tx, task, order) => retryRelease(kit.platform, tx, task, order),
    ended: (tx, task, end, message) => endRelease(tx, task, end, message),
  };
}

function deleteWork({ platform, ...kit }: Kit): Work {
  return {
    steps: () => deleteSteps({ platform, ...kit }),
    uncancelable: ({ steps }) =>
      steps.some(({ state }) => state !== "waiting") ? "what runs of it is being removed already" : undefined,
    async ended(tx, task, end) {
      const { deployment: id, project } = task;
      if (end === "succeeded") await forgetDeployment(tx, { id, project }, platform.clock());
    },
  };
}

/** What a release that failed has applied stays, for people to look at, unless it is to be rolled back or runs elsewhere. */
function reasonToStay({ task, deployment }: StepContext, end: "failed" | "canceled"): string | undefined {
  if (deployment.activeRelease === task.release) return `release ${task.release} is active`;
  const isLeft = end === "failed" && task.kind !== "move" && !deployment.autoRollback;
  return isLeft ? "automatic rollback is off" : undefined;
}

async function endRelease(tx: Database, task: TaskRow, end: TaskEnd, message: string): Promise<void> {
  if (end === "succeeded" || task.release === null) return;
  await releaseStore.fail(tx, task.deployment, task.release, message === "" ? `it was ${end}` : message);
  const row = await releaseStore.get(tx, task.deployment, task.release);
  // It may have had newer versions of secrets than what is active still. One that was made for them is not made again.
  if (row?.status !== "failed" || row.cause === "dependency") return;
  for (const secret of row.followsSecrets) await queueDependents(tx, secret);
}

const isDone = ({ steps }: TaskRow, name: string): boolean =>
  steps.some((step) => step.name === name && step.state === "succeeded");
