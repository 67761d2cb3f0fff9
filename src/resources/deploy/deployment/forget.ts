import { and, eq, isNull } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { bindingStore } from "../../iam/access/binding-store.js";
import { quotas } from "../quota/table.js";
import { releaseStore } from "../release/store.js";
import { routes } from "../route/table.js";
import { deploymentTasks } from "../task/table.js";
import { type DeploymentRow, deploymentStore } from "./store.js";

/**
 * Makes a deployment one that was: its name and the hostnames of its routes are free, and its releases, the roles in it
 * and its quota are gone, and tasks that have not ended are canceled. The row stays for a while, so that watchers hear of it, with what may be left on its target.
 * Whoever calls it has locked the deployment.
 */
export async function forgetDeployment(
  tx: Database,
  { id, project }: Pick<DeploymentRow, "id" | "project">,
  now: Date,
): Promise<DeploymentRow> {
  await releaseStore.deleteAll(tx, id);
  await tx.delete(routes).where(eq(routes.deployment, id));
  await tx.delete(quotas).where(eq(quotas.deployment, id));
  await bindingStore.removeFromDeployment(tx, project, id);
  // What waited for its time never comes; whoever works on one loses its lease.
  await tx
    .update(deploymentTasks)
    .set({
      state: "canceled",
      message: "the deployment is deleted",
      finishedAt: now,
      leaseOwner: null,
      leaseUntil: null,
    })
    .where(and(eq(deploymentTasks.deployment, id), isNull(deploymentTasks.finishedAt)));
  return await deploymentStore.update(tx, id, {
    phase: "deleted",
    phaseMessage: "",
    health: "unknown",
    healthMessage: "",
    reported: "",
    observed: {},
    activeRelease: 0,
    deletedAt: now,
    updatedAt: now,
  });
}
