import { DomainError } from "../../../../errors.js";
import type { KubeClient } from "../../../../kube/client.js";
import { applyManifests, entriesBeyond, inventoryOf, pruneInventory } from "../../engine/apply.js";
import type { Manifest } from "../../engine/engine.js";
import { autoscalers, statefulSets, workloadDeployments } from "../../engine/kinds.js";
import { titleOf } from "../../engine/live.js";
import { routeEntries } from "../../route/inventory.js";
import type { InventoryEntry } from "../../spec/content.js";
import type { StepContext, StepOutcome } from "../../task/work.js";
import { deploymentStore } from "../store.js";
import { isAway, isLost } from "./clients.js";
import { objectsOf, type Plan } from "./plan.js";
import type { Kit } from "./wait.js";

export type { Kit } from "./wait.js";

/** How often what is being deleted is looked at. */
const goingMs = 1_000;

/** Applies some objects of a plan. That they may be there is written before, so that whatever happens they are found again. */
export async function applyObjects(
  { targets }: Kit,
  context: StepContext,
  plan: Plan,
  manifests: readonly Manifest[],
): Promise<void> {
  const entries = inventoryOf(plan.target.id, manifests);
  const before = await context.write(async (tx, { id, inventory }) => {
    const added = entriesBeyond(entries, inventory);
    if (added.length > 0) await deploymentStore.update(tx, id, { inventory: [...inventory, ...added] });
    return inventory;
  });
  await targets.use(plan.target, async (client) => {
    await removeAutoscalers(client, context, plan, { before, entries });
    await applyManifests(client, plan.owner, manifests, context.signal);
  });
}

/** An autoscaler that is not wanted any more goes before what it scales gets a number: it would change that again. */
async function removeAutoscalers(
  client: KubeClient,
  { signal }: StepContext,
  plan: Plan,
  { before, entries }: { readonly before: readonly InventoryEntry[]; readonly entries: readonly InventoryEntry[] },
): Promise<void> {
  const names = new Set(entries.filter(isWorkload).map(({ name }) => name));
  const going = entriesBeyond(before, inventoryOf(plan.target.id, objectsOf(plan))).filter(
    (entry) => entry.kind === autoscalers.kind && entry.target === plan.target.id && names.has(entry.name),
  );
  const [left] = await pruneInventory(client, plan.owner, going, signal);
  if (left !== undefined) throw new DomainError("unavailable", `${titleOf(left, left.name)} is still being deleted`);
}

const isWorkload = ({ kind }: InventoryEntry): boolean =>
  kind === workloadDeployments.kind || kind === statefulSets.kind;

/**
 * Removes what a plan does not have; the objects of routes are theirs to remove. What runs here does not wait for another
 * target that is away, where it was before: what is left there stays in the inventory, for the next time.
 */
export function pruneObjects(kit: Kit, context: StepContext, plan: Plan): Promise<StepOutcome> {
  const ofRoutes = routeEntries(context.deployment, plan.owner.namespace);
  return remove(kit, context, [...inventoryOf(plan.target.id, objectsOf(plan)), ...ofRoutes], plan.target.id);
}

/** Removes all that a deployment has, wherever it is, but what is wanted. */
export const removeObjects = (
  kit: Kit,
  context: StepContext,
  wanted: readonly InventoryEntry[],
): Promise<StepOutcome> => remove(kit, context, wanted, undefined);

/** With `home`, the uuid of a target, others that are away are not waited for. */
async function remove(
  kit: Kit,
  context: StepContext,
  wanted: readonly InventoryEntry[],
  home: string | undefined,
): Promise<StepOutcome> {
  const going = entriesBeyond(context.deployment.inventory, wanted);
  if (going.length === 0) return { type: "skipped", message: "there is nothing to remove" };
  const left: InventoryEntry[] = [];
  const unreached: InventoryEntry[] = [];
  for (const target of new Set(going.map((entry) => entry.target))) {
    const there = going.filter((entry) => entry.target === target);
    try {
      left.push(...(await removeAt(kit, context, target, there)));
    } catch (error) {
      if (home === undefined || target === home || !isAway(error)) throw error;
      unreached.push(...there);
    }
  }
  const gone = entriesBeyond(going, [...left, ...unreached]);
  await context.write(async (tx, { id, inventory }) => {
    await deploymentStore.update(tx, id, { inventory: entriesBeyond(inventory, gone) });
  });
  return removed(gone, left, unreached);
}

function removed(
  gone: readonly InventoryEntry[],
  [first, ...others]: readonly InventoryEntry[],
  unreached: readonly InventoryEntry[],
): StepOutcome {
  if (first !== undefined) {
    const more = others.length === 0 ? "" : ` and ${others.length} more`;
    return { type: "wait", message: `waits for the end of ${titleOf(first, first.name)}${more}`, afterMs: goingMs };
  }
  const stay = unreached.length === 0 ? "" : `; ${unreached.length} stay on a target that is away`;
  return { type: "done", message: `removed ${objects(gone.length)}${stay}` };
}

/** Answers what is still there. What was on a target that is gone is gone, too. */
async function removeAt(
  { targets, platform }: Kit,
  { deployment, signal, log }: StepContext,
  target: string,
  entries: readonly InventoryEntry[],
): Promise<readonly InventoryEntry[]> {
  const { id, project, objectName } = deployment;
  const owner = { deployment: id, project, objectName, namespace: "" };
  try {
    return await targets.use({ project, id: target }, (client) => pruneInventory(client, owner, entries, signal));
  } catch (error) {
    if (!isLost(error)) throw error;
    platform.log.info({ deployment: id, target }, "objects of a deployment went with their target");
    await log(`${error.message}: ${entries.length} objects went with it`);
    return [];
  }
}

/** How many objects, in words. */
export const objects = (count: number): string => (count === 1 ? "1 object" : `${count === 0 ? "no" : count} objects`);
