import { DomainError } from "../../../../errors.js";
import { inventoryOf } from "../../engine/apply.js";
import type { Manifest } from "../../engine/engine.js";
import { jobManifest } from "../../engine/images/jobs.js";
import type { Step, StepContext, StepOutcome } from "../../task/work.js";
import { followJob, jobEnd } from "./job.js";
import { applyObjects, removeObjects } from "./objects.js";
import { type Plan, planOf } from "./plan.js";
import { type Kit, observed } from "./wait.js";

/** How long one may run: less than its task may take. */
const mostSeconds = 25 * 60;

/** Runs a JOB process once: a Job named after the task, however often its steps run. */
export function runJobSteps(kit: Kit): readonly Step[] {
  return [
    { name: "run", run: (context) => withJob(kit, context, "run", (plan, job) => start(kit, context, plan, job)) },
    {
      name: "wait",
      run: (context) =>
        withJob(kit, context, "wait", ({ target }, job) =>
          followJob(kit, context, { target, job, seconds: mostSeconds, step: "wait" }),
        ),
    },
  ];
}

/** Ends a Job that still runs. */
export function stopJobSteps(kit: Kit): readonly Step[] {
  return [
    {
      name: "undo-run",
      run: (context) => withJob(kit, context, "undo-run", (plan, job) => stop(kit, context, plan, job)),
    },
  ];
}

async function start(kit: Kit, context: StepContext, plan: Plan, job: Manifest): Promise<StepOutcome> {
  await applyObjects(kit, context, plan, [job]);
  return { type: "done", message: `Job ${job.object.metadata.name}` };
}

async function stop(kit: Kit, context: StepContext, plan: Plan, job: Manifest): Promise<StepOutcome> {
  const end = await kit.targets.use(plan.target, (client) => jobEnd(client, job, context.signal));
  if (end !== undefined) return { type: "skipped", message: "it has ended" };
  const { inventory } = context.deployment;
  const [entry] = inventoryOf(plan.target.id, [job]);
  const others = inventory.filter(({ kind, name }) => kind !== entry?.kind || name !== entry.name);
  return await removeObjects(kit, context, others);
}

async function withJob(
  kit: Kit,
  context: StepContext,
  step: string,
  work: (plan: Plan, job: Manifest) => Promise<StepOutcome>,
): Promise<StepOutcome> {
  const { deployment } = context;
  const { process = "", args = [] } = context.task.params.job ?? {};
  if (deployment.activeRelease === 0) throw new DomainError("precondition", "no release is active");
  if (deployment.stopped === "uninstalled") throw new DomainError("precondition", "it is uninstalled: start it first");
  const plan = await planOf(kit.platform, deployment, deployment.activeRelease);
  const name = `${plan.owner.objectName}-${process}-${context.task.id.slice(-12)}`;
  const job = jobManifest(plan.input, process, args, name);
  return await observed(kit, context, step, () => work(plan, job));
}
