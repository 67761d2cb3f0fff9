import { and, desc, eq, or } from "drizzle-orm";
import { DomainError } from "../../../../errors.js";
import { namespaceStore } from "../../namespace/store.js";
import { settleRelease } from "../../release/settle.js";
import { releaseStore } from "../../release/store.js";
import { routeSteps } from "../../route/work.js";
import { deploymentTasks } from "../../task/table.js";
import type { Step, StepContext, StepOutcome } from "../../task/work.js";
import { activate } from "./activate.js";
import { followJob } from "./job.js";
import { applyObjects, objects, pruneObjects, removeObjects } from "./objects.js";
import { numberOf, type Plan, planOf } from "./plan.js";
import { type Kit, observed, untilHealthy } from "./wait.js";

const namespaceMs = 2_000;
const uninstalled = "the deployment is uninstalled";

/** Makes a release run: what is wanted is applied, waited for, and made the active one; then what is left over goes. */
export function releaseSteps(kit: Kit): readonly Step[] {
  return [
    { name: "resolve", run: (context) => resolve(kit, context) },
    { name: "apply", run: (context) => installed(kit, context, "apply", (plan) => applyFirst(kit, context, plan)) },
    {
      name: "release-job",
      run: (context) => installed(kit, context, "release-job", (plan) => runReleaseJobs(kit, context, plan)),
    },
    {
      name: "workloads",
      run: (context) => installed(kit, context, "workloads", (plan) => applyWorkloads(kit, context, plan)),
    },
    { name: "wait", run: (context) => installed(kit, context, "wait", (plan) => wait(kit, context, plan)) },
    { name: "activate", run: (context) => activate(kit, context) },
    ...routeSteps(kit.platform, kit.targets),
    { name: "prune", run: (context) => prune(kit, context) },
  ];
}

/** Settles what the release holds, from what is active now. */
async function resolve({ platform }: Kit, context: StepContext): Promise<StepOutcome> {
  const { source } = await context.write(async (tx, deployment) => {
    const number = numberOf(context.task);
    const row = await releaseStore.get(tx, deployment.id, number);
    if (row === undefined) throw new DomainError("missing", `release ${number} is deleted`);
    return await settleRelease(platform, tx, deployment, row);
  });
  const what =
    source.type === "image" ? `${source.image} ${source.digest}` : `${source.name} ${source.resolvedVersion}`;
  return { type: "done", message: what.trim() };
}

/** What a step does with the objects of the task's release, unless the deployment is uninstalled. */
async function installed(
  kit: Kit,
  context: StepContext,
  step: string,
  work: (plan: Plan) => Promise<StepOutcome>,
): Promise<StepOutcome> {
  const { deployment } = context;
  if (deployment.stopped === "uninstalled") return { type: "skipped", message: uninstalled };
  const plan = await planOf(kit.platform, deployment, numberOf(context.task), { ...deployment, isAlone: true });
  return await observed(kit, context, step, () => work(plan));
}

async function applyFirst(kit: Kit, context: StepContext, plan: Plan): Promise<StepOutcome> {
  const namespace = await namespaceStore.byId(kit.platform.db, plan.release.placement.namespace);
  if (namespace?.state !== "active") {
    return { type: "wait", message: `waits for its namespace: ${namespace?.message ?? ""}`, afterMs: namespaceMs };
  }
  const { first } = plan.rendered;
  await applyObjects(kit, context, plan, first);
  return { type: "done", message: `applied ${objects(first.length)}` };
}

/** One after the other; each has run once, however often this is done. */
export async function runReleaseJobs(kit: Kit, context: StepContext, plan: Plan): Promise<StepOutcome> {
  const { releaseJobs } = plan.rendered;
  if (releaseJobs.length === 0) return { type: "skipped", message: "it has none" };
  for (const job of releaseJobs) {
    await applyObjects(kit, context, plan, [job]);
    const outcome = await followJob(kit, context, {
      target: plan.target,
      job,
      seconds: context.deployment.rolloutSeconds,
      step: "release-job",
    });
    if (outcome.type !== "done") return outcome;
  }
  return { type: "done" };
}

async function applyWorkloads(kit: Kit, context: StepContext, plan: Plan): Promise<StepOutcome> {
  const { workloads } = plan.rendered;
  await applyObjects(kit, context, plan, workloads);
  return { type: "done", message: `applied ${objects(workloads.length)}` };
}

function wait(kit: Kit, context: StepContext, plan: Plan): Promise<StepOutcome> {
  const { rolloutSeconds, autoRollback } = context.deployment;
  const patience = { seconds: rolloutSeconds, isShort: autoRollback };
  return untilHealthy(kit, context, { plan, manifests: plan.rendered.workloads, step: "wait" }, patience);
}

/** Removes what the active release does not have, here and where it was before. */
async function prune(kit: Kit, context: StepContext): Promise<StepOutcome> {
  const { deployment } = context;
  if (deployment.stopped === "uninstalled") return await removeObjects(kit, context, []);
  const plan = await planOf(kit.platform, deployment, deployment.activeRelease);
  return await observed(kit, context, "prune", () => pruneObjects(kit, context, plan));
}

/** Whether the jobs of the active release are yet to run, because it became active while nothing was installed. */
export async function hasJobsToRun({ platform }: Kit, { deployment }: StepContext): Promise<boolean> {
  const { id, activeRelease, stopped } = deployment;
  if (stopped !== "uninstalled") return false;
  const since = await platform.db
    .select({ steps: deploymentTasks.steps, release: deploymentTasks.release })
    .from(deploymentTasks)
    .where(
      and(
        eq(deploymentTasks.deployment, id),
        or(eq(deploymentTasks.release, activeRelease), eq(deploymentTasks.kind, "start")),
      ),
    )
    .orderBy(desc(deploymentTasks.id));
  // The newest of those that came to its jobs: it, or a start after it.
  const jobs = since.flatMap(({ steps, release }) => {
    const step = steps.find(({ name }) => name === "release-job");
    return step !== undefined && (release === activeRelease || step.state === "succeeded") ? [step] : [];
  });
  return jobs[0]?.message === uninstalled;
}
