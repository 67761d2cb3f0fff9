import { applyObjects } from "../deployment/works/objects.js";
import { planOf } from "../deployment/works/plan.js";
import { type Kit, untilHealthy } from "../deployment/works/wait.js";
import type { Manifest } from "../engine/engine.js";
import { labels } from "../engine/labels.js";
import type { StepContext, StepOutcome } from "../task/work.js";

/** Lets the releases run that have a share of the requests beside the active one, until they are healthy. */
export async function runVariants(kit: Kit, context: StepContext): Promise<StepOutcome> {
  const { deployment } = context;
  if (deployment.activeRelease === 0 || deployment.stopped !== "") {
    return { type: "skipped", message: "nothing runs of the deployment" };
  }
  const plan = await planOf(kit.platform, deployment, deployment.activeRelease);
  if (plan.input.variants.length === 0) return { type: "skipped", message: "the active release takes all requests" };
  const manifests = plan.rendered.workloads.filter(isOfVariant);
  await applyObjects(kit, context, plan, [...plan.rendered.first, ...manifests]);
  const patience = { seconds: deployment.rolloutSeconds, isShort: true };
  return await untilHealthy(kit, context, { plan, manifests, step: "variants" }, patience);
}

const isOfVariant = ({ object }: Manifest): boolean => /^\d+$/.test(object.metadata.labels?.[labels.variant] ?? "");
