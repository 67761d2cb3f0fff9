import { eq } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { secrets } from "../../../kube/objects.js";
import { deployments } from "../deployment/table.js";
import type { Manifest } from "../engine/engine.js";
import type { InventoryEntry } from "../spec/content.js";
import type { DeploymentRow } from "../task/work.js";
import { certificates, routeOf } from "./render.js";

/** The entries of a deployment's inventory that are objects of routes where it is now: other steps leave them alone. */
export function routeEntries({ inventory, target }: DeploymentRow, namespace: string): InventoryEntry[] {
  return inventory.filter((each) => each.target === target && each.namespace === namespace && routeOf(each));
}

/** The entries of a route's manifests on a target, with the Secret that comes of a Certificate. */
export function entriesFor(target: string, manifests: readonly Manifest[]): InventoryEntry[] {
  return manifests.flatMap(({ type, object }) => {
    const { name, namespace = "" } = object.metadata;
    const types = type.kind === certificates.kind ? [type, secrets] : [type];
    return types.map((each) => ({ ...each, target, namespace, name }));
  });
}

/** Whether two entries are of the same object. */
export const isSame = (a: InventoryEntry, b: InventoryEntry): boolean =>
  a.target === b.target &&
  a.group === b.group &&
  a.plural === b.plural &&
  a.namespace === b.namespace &&
  a.name === b.name;

/** Writes that these may be there before they are, so that whatever happens they are found again. */
export async function remember(tx: Database, deployment: DeploymentRow, entries: readonly InventoryEntry[]) {
  const added = entries.filter((entry) => !deployment.inventory.some((known) => isSame(known, entry)));
  if (added.length > 0) await keep(tx, deployment, [...deployment.inventory, ...added]);
}

/** Writes that these are gone, or another deployment's. */
export async function forget(tx: Database, deployment: DeploymentRow, entries: readonly InventoryEntry[]) {
  const left = deployment.inventory.filter((entry) => !entries.some((gone) => isSame(gone, entry)));
  if (left.length < deployment.inventory.length) await keep(tx, deployment, left);
}

async function keep(tx: Database, { id }: DeploymentRow, inventory: readonly InventoryEntry[]): Promise<void> {
  await tx.update(deployments).set({ inventory }).where(eq(deployments.id, id));
}
