import { labels } from "../../engine/labels.js";
import { routeSteps } from "../../route/work.js";
import type { Step, StepContext, StepOutcome } from "../../task/work.js";
import { deploymentStore } from "../store.js";
import { capacityAfter, processesOf } from "./capacity.js";
import { applyObjects, objects, pruneObjects, removeObjects } from "./objects.js";
import { type Plan, planOf } from "./plan.js";
import { hasJobsToRun, runReleaseJobs } from "./release-steps.js";
import { type Kit, observed, untilHealthy } from "./wait.js";

/** Applies the active release with another scale, and keeps the scale when it is healthy; for scale, start and stop. */
export function capacitySteps(kit: Kit): readonly Step[] {
  return [
    { name: "apply", run: (context) => running(kit, context, "apply", (plan) => applyAll(kit, context, plan)) },
    { name: "prune", run: (context) => running(kit, context, "prune", (plan) => prune(kit, context, plan)) },
    { name: "wait", run: (context) => wait(kit, context) },
  ];
}

/** Starts all that was stopped; what was uninstalled gets its routes again, and its jobs run where they have not yet. */
export function startSteps(kit: Kit): readonly Step[] {
  return [
    { name: "release-job", run: (context) => running(kit, context, "release-job", (plan) => jobs(kit, context, plan)) },
    ...capacitySteps(kit),
    ...routeSteps(kit.platform, kit.targets),
  ];
}

/** Removes all of a deployment but its storage. */
export function uninstallSteps(kit: Kit): readonly Step[] {
  return [
    ...routeSteps(kit.platform, kit.targets),
    {
      name: "remove",
      run: (context) => observed(kit, context, "remove", () => removeObjects(kit, context, [])),
    },
    {
      name: "keep",
      run: async (context) => {
        await keepCapacity(kit, context);
        return { type: "done", message: "nothing of it runs" };
      },
    },
  ];
}

/** What a step does with the objects of the active release as they will be, where any are to be on the target. */
async function running(
  kit: Kit,
  context: StepContext,
  step: string,
  work: (plan: Plan) => Promise<StepOutcome>,
): Promise<StepOutcome> {
  const { deployment, task } = context;
  const after = capacityAfter(task, deployment);
  if (deployment.activeRelease === 0) return { type: "skipped", message: "no release is active" };
  if (after.stopped === "uninstalled") return { type: "skipped", message: "the deployment is uninstalled" };
  const plan = await planOf(kit.platform, deployment, deployment.activeRelease, after);
  return await observed(kit, context, step, () => work(plan));
}

async function jobs(kit: Kit, context: StepContext, plan: Plan): Promise<StepOutcome> {
  if (!(await hasJobsToRun(kit, context))) return { type: "skipped", message: "they have run" };
  await applyObjects(kit, context, plan, plan.rendered.first);
  return await runReleaseJobs(kit, context, plan);
}

async function applyAll(kit: Kit, context: StepContext, plan: Plan): Promise<StepOutcome> {
  const manifests = [...plan.rendered.first, ...plan.rendered.workloads];
  await applyObjects(kit, context, plan, manifests);
  return { type: "done", message: `applied ${objects(manifests.length)}` };
}

/** What scales a process must be gone before it has a number of its own. */
const prune = (kit: Kit, context: StepContext, plan: Plan): Promise<StepOutcome> => pruneObjects(kit, context, plan);

async function wait(kit: Kit, context: StepContext): Promise<StepOutcome> {
  const names = processesOf(context.task);
  const outcome = await running(kit, context, "wait", (plan) => {
    const manifests = plan.rendered.workloads.filter(({ object }) => {
      const process = object.metadata.labels?.[labels.process];
      return names === undefined || process === undefined || names.includes(process);
    });
    const patience = { seconds: context.deployment.rolloutSeconds, isShort: false };
    return untilHealthy(kit, context, { plan, manifests, step: "wait" }, patience);
  });
  if (outcome.type === "done" || outcome.type === "skipped") await keepCapacity(kit, context);
  return outcome;
}

/** Only now: until then the row says what to go back to. */
async function keepCapacity({ platform }: Kit, context: StepContext): Promise<void> {
  await context.write(async (tx, deployment) => {
    const after = capacityAfter(context.task, deployment);
    await deploymentStore.update(tx, deployment.id, { ...after, updatedAt: platform.clock() });
  });
}
