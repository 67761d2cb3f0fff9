import { asFields, asNumber } from "../fields.js";
import type { KubeObject, ResourceName } from "../types.js";
import { type Controller, keyOf } from "./controller.js";
import { lookingAt, podsSelectedBy } from "./lookups.js";
import { budgets, pods, replicaSets, statefulSets } from "./names.js";
import { controllerOf, isDying, refTo, shareOf, withCondition } from "./objects.js";
import { isActive, isReady } from "./pod-state.js";
import type { World } from "./world.js";

const scaled: Readonly<Record<string, ResourceName>> = { ReplicaSet: replicaSets, StatefulSet: statefulSets };

/** Tells how many pods of each PodDisruptionBudget may be evicted. */
export const budgetController: Controller = {
  resource: budgets,
  triggers: [
    { resource: pods, keys: ({ object }, world) => lookingAt(world, object, "PodDisruptionBudget").map(keyOf) },
  ],
  async reconcile(budget, world) {
    if (isDying(budget)) return undefined;
    const selected = podsSelectedBy(world, budget).filter(isActive);
    const healthy = selected.filter(isReady);
    const expected = expectedOf(selected, world);
    const { minAvailable, maxUnavailable } = budget.spec ?? {};
    const desired =
      maxUnavailable === undefined
        ? shareOf(minAvailable, expected, "up", 1)
        : Math.max(0, expected - shareOf(maxUnavailable, expected, "up", 1));
    await world.store.patchStatus(refTo(budgets, budget), (draft) => {
      const here = new Set(selected.map(({ metadata }) => metadata.name));
      const disrupted = Object.entries(asFields(draft.status?.disruptedPods)).filter(([name]) => here.has(name));
      const leaving = healthy.filter(({ metadata }) => disrupted.some(([name]) => name === metadata.name)).length;
      const allowed = Math.max(0, healthy.length - leaving - desired);
      const condition = {
        type: "DisruptionAllowed",
        status: allowed > 0 ? "True" : "False",
        reason: allowed > 0 ? "SufficientPods" : "InsufficientPods",
        observedGeneration: budget.metadata.generation,
      } as const;
      draft.status = {
        observedGeneration: budget.metadata.generation,
        currentHealthy: healthy.length - leaving,
        desiredHealthy: desired,
        expectedPods: expected,
        disruptionsAllowed: allowed,
        ...(disrupted.length > 0 ? { disruptedPods: Object.fromEntries(disrupted) } : {}),
        conditions: withCondition(draft.status?.conditions, condition, world.clock()),
      };
    });
    return undefined;
  },
};

/** As many pods as their controllers are asked for; pods without one count for themselves. */
function expectedOf(selected: readonly KubeObject[], { store }: World): number {
  const counts = new Map<string, number>();
  for (const pod of selected) {
    const owner = controllerOf(pod);
    const resource = scaled[owner?.kind ?? ""];
    const { namespace } = pod.metadata;
    const found = resource && store.get({ ...resource, namespace, name: owner?.name ?? "" });
    counts.set(found?.metadata.uid ?? pod.metadata.uid, found === undefined ? 1 : asNumber(found.spec?.replicas));
  }
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}
