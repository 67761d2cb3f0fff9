import type { TaskHandler } from "../../../jobs/jobs.js";
import type { KubeClient } from "../../../kube/client.js";
import { transient } from "../../../kube/errors.js";
import type { Platform } from "../../../platform.js";
import { clusterStore } from "../../api/cluster/store.js";
import { awayMessage, type OpenClient } from "../namespace/jobs.js";
import { namespaceStore } from "../namespace/store.js";
import { targetAccess } from "../target/access.js";
import { failureMessage } from "../target/failure.js";
import { type TargetRow, targetStore } from "../target/store.js";
import { ensureClaim, removeClaim } from "./kube.js";
import { queueLook } from "./queue.js";
import { type PlacedClaim, volumeClaimStore } from "./store.js";

/** After so many looks the looks at the target are enough. */
const mostLooks = 8;

/**
 * Makes the target what the row of a volume claim says. It may run any number of times, after any crash: it reads
 * what is wanted, and every step is idempotent. What waits for its target is brought forward by the looks at it.
 */
export function settleClaim(platform: Platform, open: OpenClient = targetAccess): TaskHandler {
  const { db } = platform;
  return async (payload, { signal }) => {
    const { id, looks } = payload as { id: string; looks: number };
    const row = await volumeClaimStore.byId(db, id);
    const target = row && (await targetStore.get(db, { project: row.project, id: row.target }));
    if (row === undefined || target === undefined) return;
    if (target.connection !== "connected") return await waitFor(platform, row, target);
    const client = open(platform, target);
    try {
      const isSettled = await settle(platform, row, client, signal);
      if (!isSettled && (looks < mostLooks || row.deleteRequestedAt !== null)) await queueLook(db, id, looks);
    } catch (error) {
      if (signal.aborted) throw error;
      await explain(platform, row, failureMessage(error));
      if (transient(error)) throw error;
    } finally {
      client.close();
    }
  };
}

/** Nothing is left of what was in a cluster of the platform that is deleted; anything else waits. */
async function waitFor(platform: Platform, row: PlacedClaim, target: TargetRow): Promise<void> {
  const { db } = platform;
  const isLost = target.cluster !== null && (await clusterStore.deletedAmong(db, [target.cluster])).length > 0;
  if (isLost && row.deleteRequestedAt !== null) await volumeClaimStore.remove(db, row.id);
  else await explain(platform, row, awayMessage(target));
}

async function explain({ db }: Platform, row: PlacedClaim, message: string): Promise<void> {
  if (row.deleteRequestedAt !== null) return await volumeClaimStore.markTerminating(db, row.id, message);
  // What has its storage keeps it while a change waits.
  const state = row.state === "bound" ? "bound" : "pending";
  await volumeClaimStore.markSeen(db, row, { state, message, capacity: row.capacity });
}

/** False when it is about to change by itself. */
async function settle(platform: Platform, row: PlacedClaim, client: KubeClient, signal: AbortSignal): Promise<boolean> {
  const { db } = platform;
  if (row.deleteRequestedAt !== null) {
    const removal = await removeClaim(client, row, signal);
    if (removal.isGone) await volumeClaimStore.remove(db, row.id);
    else await volumeClaimStore.markTerminating(db, row.id, removal.message);
    return removal.isGone;
  }
  const namespace = await namespaceStore.byId(db, row.namespace);
  if (namespace?.state !== "active") {
    await explain(platform, row, "it waits for its namespace");
    return false;
  }
  const standing = await ensureClaim(client, row, signal);
  if (standing.isApplied) await volumeClaimStore.markApplied(db, row, standing.seen);
  else await volumeClaimStore.markSeen(db, row, standing.seen);
  return !standing.isMoving;
}
