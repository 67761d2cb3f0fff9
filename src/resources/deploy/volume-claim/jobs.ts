import type { TaskHandler } from "../../../jobs/jobs.js";
import type { KubeClient } from "../../../kube/client.js";
import type { Platform } from "../../../platform.js";
import { namespaceStore } from "../namespace/store.js";
import { targetAccess } from "../target/access.js";
import { type OpenClient, settleOnTarget } from "../target/settle.js";
import { ensureClaim, removeClaim } from "./kube.js";
import { claimQueue } from "./queue.js";
import { type PlacedClaim, volumeClaimStore } from "./store.js";

/** After so many looks the looks at the target are enough. */
const mostLooks = 8;

/** Makes the target what the row of a volume claim says. */
export function settleClaim(platform: Platform, open: OpenClient = targetAccess): TaskHandler {
  const { db } = platform;
  return settleOnTarget<PlacedClaim>(platform, open, {
    row: (id) => volumeClaimStore.byId(db, id),
    settle: (row, client, signal) => settle(platform, row, client, signal),
    explain: (row, message) => explain(platform, row, message),
    remove: (id) => volumeClaimStore.remove(db, id),
    async lookAgain(row, looks) {
      if (looks < mostLooks || row.deleteRequestedAt !== null) await claimQueue.lookAgain(db, row.id, looks);
    },
  });
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
