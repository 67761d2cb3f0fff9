import type { Database } from "../../../db/database.js";
import type { KubeClient } from "../../../kube/client.js";
import { KubeError } from "../../../kube/errors.js";
import type { Manifest } from "../engine/engine.js";
import type { InventoryEntry } from "../spec/content.js";
import { entriesFor, isSame } from "./inventory.js";
import {
  applyRoute,
  ingressOwner,
  type RoutePlace,
  refusalOf,
  removeObject,
  removeRoute,
  type Standing,
} from "./kube.js";
import type { Place, RoutePlan } from "./plan.js";
import { certificates, routeOf } from "./render.js";
import { type RouteRow, routeStore } from "./store.js";

/** Where routes of a deployment are made and removed. */
export interface Site {
  readonly deployment: string;
  readonly client: KubeClient;
  readonly signal: AbortSignal;
  readonly place: Place;
  /** Where routes of the deployment have Ingresses, on the whole target. */
  readonly places: readonly RoutePlace[];
  /** What the deployment's inventory has of routes in its place. */
  readonly own: readonly InventoryEntry[];
}

/** What became of a route, and the entries that are gone. One that cannot be made keeps the objects that it has. */
export interface Made {
  readonly standing: Standing;
  readonly gone: readonly InventoryEntry[];
}

/** Makes the objects of a route what its plan says, here, and removes what it has elsewhere on the target. */
export async function makeRoute(site: Site, { row, manifests, problem }: RoutePlan): Promise<Made> {
  if (manifests === undefined) return failed(problem);
  const wanted = entriesFor(site.place.target.id, manifests);
  const unwanted = site.own.filter((entry) => routeOf(entry) === row.id && !wanted.some((each) => isSame(each, entry)));
  try {
    // While there is a Certificate, cert-manager writes the Secret.
    await removeAll(
      site,
      row,
      unwanted.filter(({ kind }) => kind === certificates.kind),
    );
    const standing = await applyHere(site, row, manifests);
    for (const place of elsewhere(site, row)) await removeRoute(site.client, place, undefined, site.signal);
    return { standing, gone: await removeAll(site, row, unwanted) };
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === undefined) throw error;
    return failed(refusal);
  }
}

/** Removes all that a route has on the target; false while some of it is going. */
export async function removeEverywhere(site: Site, { id }: RouteRow): Promise<boolean> {
  const here = { route: id, namespace: site.place.namespace };
  let isGone = true;
  for (const place of [here, ...elsewhere(site, { id })]) {
    isGone = (await removeRoute(site.client, place, undefined, site.signal)) && isGone;
  }
  return isGone;
}

/**
 * What is left here of routes that the deployment does not have any more: another one's Ingresses are let go, and
 * those that nobody has are removed. Where a swapped route still leads here, it does so until the other deployment has
 * made it, unless `isDelete`. Answers the entries that are gone.
 */
export async function removeStrays(db: Database, site: Site, isDelete: boolean): Promise<InventoryEntry[]> {
  const ids = [...new Set(site.own.flatMap((entry) => routeOf(entry) ?? []))];
  const rows = new Map((await routeStore.byIds(db, ids)).map((row) => [row.id, row]));
  const gone: InventoryEntry[] = [];
  for (const id of ids) {
    const row = rows.get(id);
    if (row?.deployment === site.deployment) continue;
    const place = { route: id, namespace: site.place.namespace };
    const owner = await ingressOwner(site.client, place, site.signal);
    const isKept = row !== undefined && !isDelete && owner === site.deployment;
    if (!isKept && (await removeRoute(site.client, place, site.deployment, site.signal))) {
      gone.push(...site.own.filter((entry) => routeOf(entry) === id));
    }
  }
  return gone;
}

async function applyHere(site: Site, row: RouteRow, manifests: readonly Manifest[]): Promise<Standing> {
  try {
    return await applyRoute(site.client, row.id, manifests, site.signal);
  } catch (error) {
    // Some routers take a hostname once only: then it has to go first where it was before.
    const isTaken = error instanceof KubeError && /already defined/i.test(error.message);
    const before = elsewhere(site, row);
    if (!isTaken || before.length === 0) throw error;
    for (const place of before) await removeRoute(site.client, place, undefined, site.signal);
    return await applyRoute(site.client, row.id, manifests, site.signal);
  }
}

/** Removes objects of a route; answers those that are gone. */
async function removeAll(
  { client, signal }: Site,
  { id }: RouteRow,
  entries: readonly InventoryEntry[],
): Promise<InventoryEntry[]> {
  const gone: InventoryEntry[] = [];
  for (const entry of entries) {
    if (await removeObject(client, entry, entry, { route: id }, signal)) gone.push(entry);
  }
  return gone;
}

const elsewhere = ({ places, place }: Site, { id }: Pick<RouteRow, "id">): RoutePlace[] =>
  places.filter(({ route, namespace }) => route === id && namespace !== place.namespace);

const failed = (message: string): Made => ({ standing: { isReady: false, message, about: "problem" }, gone: [] });
