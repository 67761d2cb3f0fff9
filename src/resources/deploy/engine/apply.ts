import { DomainError } from "../../../errors.js";
import type { KubeClient } from "../../../kube/client.js";
import { conflict, notFound } from "../../../kube/errors.js";
import { apiVersionOf, type KubeObject } from "../../../kube/objects.js";
import type { InventoryEntry } from "../spec/content.js";
import type { Manifest, ObjectOwner } from "./engine.js";
import { persistentVolumeClaims } from "./kinds.js";
import { isOwn, labels } from "./labels.js";
import { adapted, foreignness, inTurns, readLive, refusalOf, titleOf } from "./live.js";

/** How often one object is read again because somebody changed it meanwhile. */
const mostAttempts = 5;
const pageSize = 500;
const mostPages = 20;

/**
 * Applies objects, a few at a time, in their order; bears repetition. Each call has a deadline. Throws DomainError
 * "precondition" for an object that is there and not of this owner, and for what the target refuses; "unavailable" while
 * an object of that name is being deleted or is changed all the time; transient KubeErrors as they are. What was applied before stays.
 */
export async function applyManifests(
  client: KubeClient,
  owner: ObjectOwner,
  manifests: readonly Manifest[],
  signal: AbortSignal,
): Promise<void> {
  await inTurns(manifests, signal, (manifest) => applyOne(client, owner, manifest, signal));
}

async function applyOne(
  client: KubeClient,
  owner: ObjectOwner,
  manifest: Manifest,
  signal: AbortSignal,
): Promise<void> {
  const { type, object } = manifest;
  const title = titleOf(type, object.metadata.name);
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const live = await readLive(client, type, object.metadata, signal);
    if (live?.metadata.deletionTimestamp !== undefined) {
      throw new DomainError("unavailable", `${title} is being deleted on the target: it is made again then`);
    }
    const foreign = live === undefined ? undefined : foreignness(manifest, live, owner);
    if (foreign !== undefined) throw new DomainError("precondition", foreign);
    try {
      await client.apply(type, adapted(manifest, live), { signal });
      return;
    } catch (error) {
      // It took the place of the one that was read, or changed since then.
      if (live !== undefined && (conflict(error) || notFound(error))) continue;
      throw refusalOf(error, manifest);
    }
  }
  throw new DomainError("unavailable", `${title} is changed on the target again and again`);
}

/** What the inventory of a deployment has of objects on a target (uuid). */
export function inventoryOf(target: string, manifests: readonly Manifest[]): InventoryEntry[] {
  return manifests.map(({ type, object: { metadata } }) => {
    const { group, version, plural, kind } = type;
    return { target, group, version, plural, kind, namespace: metadata.namespace ?? "", name: metadata.name };
  });
}

/** The entries that are not about one of these objects, in whatever version of their kind. */
export function entriesBeyond(inventory: readonly InventoryEntry[], kept: readonly InventoryEntry[]): InventoryEntry[] {
  const key = ({ target, group, kind, namespace, name }: InventoryEntry) =>
    JSON.stringify([target, group, kind, namespace, name]);
  const keys = new Set(kept.map(key));
  return inventory.filter((entry) => !keys.has(key(entry)));
}

/**
 * Deletes objects of one target, with what they own, unless they are not of this owner (any more), and answers those
 * that are still there because something holds them. Bears repetition. Throws KubeError.
 */
export async function pruneInventory(
  client: KubeClient,
  owner: ObjectOwner,
  entries: readonly InventoryEntry[],
  signal: AbortSignal,
): Promise<InventoryEntry[]> {
  const left = await inTurns(entries, signal, async (entry) =>
    (await removeOne(client, owner, entry, signal)) ? [] : [entry],
  );
  return left.flat();
}

/** Answers whether it is gone. */
async function removeOne(
  client: KubeClient,
  { deployment }: ObjectOwner,
  { group, version, plural, kind, name, namespace }: InventoryEntry,
  signal: AbortSignal,
): Promise<boolean> {
  const type = { group, version, plural, kind };
  const place = { name, ...(namespace === "" ? {} : { namespace }) };
  const live = await readLive(client, type, place, signal);
  if (live === undefined || !isOwn(live.metadata.labels, deployment)) return true;
  if (live.metadata.deletionTimestamp === undefined) {
    try {
      await client.delete(type, place, { uid: live.metadata.uid, background: true, signal });
    } catch (error) {
      if (!conflict(error) && !notFound(error)) throw error;
    }
  }
  const after = await readLive(client, type, place, signal);
  return after === undefined || !isOwn(after.metadata.labels, deployment);
}

/**
 * Deletes the storage of STATEFUL processes: of all, or of those that are named. Answers the names of the claims that
 * are still there; a claim is held as long as a Pod uses it. Throws KubeError.
 */
export async function removeStorage(
  client: KubeClient,
  owner: ObjectOwner,
  signal: AbortSignal,
  processes?: readonly string[],
): Promise<string[]> {
  const entries = (await storageOf(client, owner, signal)).flatMap(({ metadata }) => {
    const process = metadata.labels?.[labels.process] ?? "";
    if (processes !== undefined && !processes.includes(process)) return [];
    const object = { apiVersion: apiVersionOf(persistentVolumeClaims), metadata };
    return inventoryOf("", [{ type: persistentVolumeClaims, object }]);
  });
  return (await pruneInventory(client, owner, entries, signal)).map(({ name }) => name);
}

async function storageOf(client: KubeClient, owner: ObjectOwner, signal: AbortSignal): Promise<KubeObject[]> {
  const selection = {
    namespace: owner.namespace,
    labelSelector: `${labels.deployment}=${owner.deployment},${labels.process}`,
    limit: pageSize,
  };
  const found: KubeObject[] = [];
  let next: string | undefined;
  for (let page = 0; page < mostPages; page++) {
    const list = await client.list<KubeObject>(persistentVolumeClaims, { ...selection, continue: next, signal });
    found.push(...list.items);
    next = list.continue;
    if (next === undefined) break;
  }
  return found;
}
