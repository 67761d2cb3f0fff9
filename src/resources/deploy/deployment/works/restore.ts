import type { Step, StepContext, StepOutcome } from "../../task/work.js";
import { applyObjects, pruneObjects, removeObjects } from "./objects.js";
import { planOf } from "./plan.js";
import { type Kit, observed, untilHealthy } from "./wait.js";

/** Why what a task did stays; undefined when it is undone. */
export type Reason = (context: StepContext) => string | undefined;

/** Makes the target what the deployment's row says: its active release with the scale that it had, or nothing. */
export function restoreSteps(kit: Kit, reasonToStay: Reason): readonly Step[] {
  const unless = (work: (context: StepContext) => Promise<StepOutcome>) => async (context: StepContext) => {
    const reason = reasonToStay(context);
    return reason === undefined ? await work(context) : ({ type: "skipped", message: reason } as const);
  };
  return [
    { name: "undo-apply", run: unless((context) => applyAgain(kit, context)) },
    { name: "undo-wait", run: unless((context) => waitAgain(kit, context)) },
    { name: "undo-prune", run: unless((context) => pruneAgain(kit, context)) },
  ];
}

const nothing = { type: "skipped", message: "nothing ran before" } as const;

/** Whether nothing is to be on the target. */
const isBare = ({ deployment }: StepContext): boolean =>
  deployment.activeRelease === 0 || deployment.stopped === "uninstalled";

async function applyAgain(kit: Kit, context: StepContext): Promise<StepOutcome> {
  if (isBare(context)) return nothing;
  const plan = await planOf(kit.platform, context.deployment, context.deployment.activeRelease);
  return await observed(kit, context, "undo-apply", async () => {
    const { first, workloads } = plan.rendered;
    await applyObjects(kit, context, plan, [...first, ...workloads]);
    return { type: "done", message: `release ${plan.number} is applied again` };
  });
}

async function waitAgain(kit: Kit, context: StepContext): Promise<StepOutcome> {
  if (isBare(context)) return nothing;
  const { deployment } = context;
  const plan = await planOf(kit.platform, deployment, deployment.activeRelease);
  const waited = { plan, manifests: plan.rendered.workloads, step: "undo-wait" };
  const patience = { seconds: deployment.rolloutSeconds, isShort: false };
  return await observed(kit, context, "undo-wait", () => untilHealthy(kit, context, waited, patience));
}

async function pruneAgain(kit: Kit, context: StepContext): Promise<StepOutcome> {
  const { deployment } = context;
  const plan = isBare(context) ? undefined : await planOf(kit.platform, deployment, deployment.activeRelease);
  return await observed(kit, context, "undo-prune", () =>
    plan === undefined ? removeObjects(kit, context, []) : pruneObjects(kit, context, plan),
  );
}
