import { and, eq, sql } from "drizzle-orm";
import type { Database } from "../../../../db/database.js";
import { releaseStore } from "../../release/store.js";
import { routes } from "../../route/table.js";
import type { ProcessContent, Scale } from "../../spec/content.js";
import { scaleFor } from "../../spec/scale.js";
import type { DeploymentRow, StepContext, StepOutcome } from "../../task/work.js";
import { kindOf } from "../rules.js";
import { deploymentStore } from "../store.js";
import { numberOf } from "./plan.js";
import type { Kit } from "./wait.js";

/** Makes the task's release the active one: the deployment is where it is placed, and gets all requests. */
export async function activate({ platform }: Kit, context: StepContext): Promise<StepOutcome> {
  const number = numberOf(context.task);
  await context.write(async (tx, deployment) => {
    if (deployment.activeRelease === number) return;
    const content = (await releaseStore.get(tx, deployment.id, number))?.content;
    if (content === undefined || content === null) throw new Error(`release ${number} is not settled`);
    const now = platform.clock();
    await releaseStore.activate(tx, deployment.id, number, now);
    const { target, namespace } = content.placement;
    const scale = scaleOf(deployment, content.processes);
    const kind = kindOf(content.source);
    await deploymentStore.update(tx, deployment.id, {
      activeRelease: number,
      kind,
      target,
      namespace,
      scale,
      updatedAt: now,
    });
    await clearTraffic(tx, deployment.id, now);
  });
  return { type: "done", message: `release ${number} is active` };
}

/** The scale of the processes that a release has; what is new does not run in a deployment that is stopped. */
function scaleOf({ scale, stopped }: DeploymentRow, processes: readonly ProcessContent[]): Scale {
  const entries = Object.entries(scaleFor(scale, processes));
  return Object.fromEntries(
    entries.map(([name, entry]) => [name, stopped === "" ? entry : { ...entry, stopped: true }]),
  );
}

/** Releases that ran beside the one before get no requests any more. */
async function clearTraffic(tx: Database, deployment: string, now: Date): Promise<void> {
  await tx
    .update(routes)
    .set({ traffic: [], version: sql`${routes.version} + 1`, updatedAt: now })
    .where(and(eq(routes.deployment, deployment), sql`${routes.traffic} <> '[]'::jsonb`));
}
