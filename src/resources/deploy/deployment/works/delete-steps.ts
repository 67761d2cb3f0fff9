import { removeStorage } from "../../engine/apply.js";
import { namespaceStore } from "../../namespace/store.js";
import { routeSteps } from "../../route/work.js";
import type { Step, StepContext, StepOutcome } from "../../task/work.js";
import { isLost } from "./clients.js";
import { removeObjects } from "./objects.js";
import { isWaitForTarget, type Kit, observed } from "./wait.js";

const goingMs = 1_000;

/** Removes all of a deployment from where it is. That it is gone is written when the task ends: see `works`. */
export function deleteSteps(kit: Kit): readonly Step[] {
  const steps: readonly Step[] = [
    ...routeSteps(kit.platform, kit.targets),
    { name: "remove", run: (context) => observed(kit, context, "remove", () => removeObjects(kit, context, [])) },
    { name: "storage", run: (context) => observed(kit, context, "storage", () => storage(kit, context)) },
  ];
  return steps.map(forced);
}

/** With force a target that is away is not waited for. */
function forced({ name, run }: Step): Step {
  return {
    name,
    run: async (context) => {
      const outcome = await run(context);
      if (context.task.params.force !== true || !isWaitForTarget(outcome)) return outcome;
      return { type: "skipped", message: "the target is away: what runs there goes on" };
    },
  };
}

/** The storage of its STATEFUL processes, which Kubernetes has made. */
async function storage(kit: Kit, context: StepContext): Promise<StepOutcome> {
  const { deployment, task, signal } = context;
  if (task.params.keepStorage === true) return { type: "skipped", message: "it is kept" };
  const { id, project, target, objectName } = deployment;
  const namespace = (await namespaceStore.get(kit.platform.db, { project, id: deployment.namespace }))?.name;
  if (namespace === undefined) return { type: "skipped", message: "its namespace is gone" };
  const owner = { deployment: id, project, objectName, namespace };
  try {
    const left = await kit.targets.use({ project, id: target }, (client) => removeStorage(client, owner, signal));
    if (left.length === 0) return { type: "done" };
    return { type: "wait", message: `waits for the end of the storage ${left.join(", ")}`, afterMs: goingMs };
  } catch (error) {
    if (!isLost(error)) throw error;
    return { type: "skipped", message: error.message };
  }
}
