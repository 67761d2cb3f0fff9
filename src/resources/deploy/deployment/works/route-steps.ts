import { entriesBeyond, inventoryOf } from "../../engine/apply.js";
import { releaseStore } from "../../release/store.js";
import { routeEntries } from "../../route/inventory.js";
import { routeSteps } from "../../route/work.js";
import type { InventoryEntry } from "../../spec/content.js";
import type { Step, StepContext, StepOutcome } from "../../task/work.js";
import { removeObjects } from "./objects.js";
import { objectsOf, planOf } from "./plan.js";
import { type Kit, observed } from "./wait.js";

/** Makes the routes of a deployment, and removes what ran beside its active release and has no share any more. */
export function routeTaskSteps(kit: Kit): readonly Step[] {
  return [
    ...routeSteps(kit.platform, kit.targets),
    { name: "prune", run: (context) => observed(kit, context, "prune", () => prune(kit, context)) },
  ];
}

/** What a release that failed has left stays: it may run. */
async function prune(kit: Kit, context: StepContext): Promise<StepOutcome> {
  const { deployment } = context;
  if (deployment.activeRelease === 0 || deployment.stopped === "uninstalled") {
    return { type: "skipped", message: "nothing of it runs" };
  }
  const { owner, ...plan } = await planOf(kit.platform, deployment, deployment.activeRelease);
  const wanted = [
    ...inventoryOf(plan.target.id, objectsOf({ owner, ...plan })),
    ...routeEntries(deployment, owner.namespace),
  ];
  if (entriesBeyond(deployment.inventory, wanted).length === 0) {
    return { type: "skipped", message: "there is nothing to remove" };
  }
  return await removeObjects(kit, context, [...wanted, ...(await leftBehind(kit, context))]);
}

/** The objects of the release that failed after the active one became active. */
async function leftBehind({ platform }: Kit, { deployment }: StepContext): Promise<InventoryEntry[]> {
  const [newest] = await releaseStore.ofDeployment(platform.db, deployment.id, undefined, 1);
  if (newest?.status !== "failed" || newest.content === null) return [];
  const plan = await planOf(platform, deployment, newest.number, { ...deployment, isAlone: true });
  return inventoryOf(plan.target.id, objectsOf(plan));
}
