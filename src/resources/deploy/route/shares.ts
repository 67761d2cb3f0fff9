import type { Database } from "../../../db/database.js";
import { type RouteRow, routeStore } from "./store.js";
import type { TrafficShare } from "./table.js";

/**
 * The shares of a route as they hold. They name the release that was active when they were given: when another one
 * is, they are over, and it takes all.
 */
export function sharesOf({ traffic }: Pick<RouteRow, "traffic">, activeRelease: number): readonly TrafficShare[] {
  return traffic.some(({ release }) => release === activeRelease) ? traffic : [];
}

/** The share of the release beside the active one; undefined when the active one takes all. */
export function variantOf(route: Pick<RouteRow, "traffic">, activeRelease: number): TrafficShare | undefined {
  return sharesOf(route, activeRelease).find(({ release, percent }) => release !== activeRelease && percent > 0);
}

/** The releases that run beside the active one of a deployment, each with the largest share that a route gives it. */
export async function variantShares(
  db: Database,
  { id, activeRelease }: { readonly id: string; readonly activeRelease: number },
): Promise<TrafficShare[]> {
  const shares = new Map<number, number>();
  for (const row of await routeStore.ofDeployment(db, id)) {
    const share = row.state === "deleting" ? undefined : variantOf(row, activeRelease);
    if (share !== undefined) shares.set(share.release, Math.max(share.percent, shares.get(share.release) ?? 0));
  }
  return [...shares].map(([release, percent]) => ({ release, percent })).sort((a, b) => a.release - b.release);
}
