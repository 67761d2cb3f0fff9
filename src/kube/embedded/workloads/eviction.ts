import type { Subresource, SubresourceRequest } from "../extension.js";
import { asFields, asNumber, asText } from "../fields.js";
import { timestamp } from "../lifecycle.js";
import { badRequest, notFound, StatusError } from "../status-error.js";
import type { Fields, KubeObject } from "../types.js";
import { budgets, pods } from "./names.js";
import { refTo, selects } from "./objects.js";
import { isActive } from "./pod-state.js";

const refusal = "Cannot evict pod as it would violate the pod's disruption budget.";

/** Deletes a pod unless its PodDisruptionBudget is against it. */
export const eviction: Subresource = { group: "policy", version: "v1", kind: "Eviction", create: evict };

async function evict({ object: pod, body, store }: SubresourceRequest): Promise<Fields> {
  const { name, namespace } = pod.metadata;
  const inBody = asText(asFields(body.metadata).name);
  if (inBody !== "" && inBody !== name) throw badRequest(`the name of the eviction (${inBody}) is not that of the pod`);
  const mine = store.list(budgets, { namespace }).filter(({ spec }) => selects(spec?.selector, pod.metadata.labels));
  if (mine.length > 1) {
    const message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
    throw new StatusError(500, "InternalError", message);
  }
  const running = isActive(pod) && pod.status?.phase === "Running";
  if (running)
    for (const budget of mine) await store.patchStatus(refTo(budgets, budget), (draft) => charge(draft, pod));
  const deleted = await store.delete(refTo(pods, pod), { uid: pod.metadata.uid });
  if (deleted === undefined) throw notFound(pods, name);
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 };
}

/** Takes one of the allowed disruptions, in the same write that looks whether there is one. */
function charge(budget: KubeObject, pod: KubeObject): void {
  const allowed = asNumber(budget.status?.disruptionsAllowed);
  const disrupted = asFields(budget.status?.disruptedPods);
  if (Object.hasOwn(disrupted, pod.metadata.name)) return;
  if (allowed <= 0) {
    const { currentHealthy, desiredHealthy } = budget.status ?? {};
    const message = `The disruption budget ${budget.metadata.name} needs ${asNumber(desiredHealthy)} healthy pods and has ${asNumber(currentHealthy)} currently`;
    const details = { causes: [{ reason: "DisruptionBudget", message }], retryAfterSeconds: 10 };
    throw new StatusError(429, "TooManyRequests", refusal, details);
  }
  budget.status = {
    ...budget.status,
    disruptionsAllowed: allowed - 1,
    disruptedPods: { ...disrupted, [pod.metadata.name]: timestamp(new Date()) },
  };
}
