import type { KubeClient } from "../../../kube/client.js";
import type { Platform } from "../../../platform.js";
import { isRecord } from "../../../record.js";
import { clusterStore } from "../../api/cluster/store.js";
import { awayMessage } from "../target/settle.js";
import type { TargetRow } from "../target/store.js";
import type { TargetVisitor } from "../target/visitor.js";
import { type Claim, labelsFor, lostMessage, persistentVolumeClaims, sightOf } from "./kube.js";
import { claimQueue } from "./queue.js";
import { ownLabels } from "./rules.js";
import { type PlacedClaim, volumeClaimStore } from "./store.js";

const pageSize = 250;
const mostPages = 20;
const mostPageBytes = 8 * 1024 * 1024;

/** At every look at a target: sees how volume claims are, and brings forward what waits for it. */
export function volumeClaimVisitor({ db, log }: Platform): TargetVisitor {
  const settleOne = async (row: PlacedClaim, live: Claim | undefined): Promise<void> => {
    const isWaiting = row.deleteRequestedAt !== null || row.appliedGeneration < row.generation;
    if (isWaiting || (live === undefined && row.capacity === "")) return await claimQueue.settle(db, row.id);
    if (live === undefined) {
      if (row.message !== lostMessage)
        log.warn({ target: row.target, claim: row.id }, "the storage of a volume claim is lost");
      return await volumeClaimStore.markSeen(db, row, {
        state: "failed",
        message: lostMessage,
        capacity: row.capacity,
      });
    }
    await volumeClaimStore.markSeen(db, row, sightOf(row, live));
    if (!hasLabels(row, live)) await claimQueue.settle(db, row.id);
  };
  return {
    name: "volume claims",
    async visit(target, client, signal) {
      const rows = await volumeClaimStore.ofTarget(db, target.id);
      if (rows.length === 0) return;
      const live = await ownClaims(client, target, signal);
      if (live === undefined) return;
      for (const row of rows) await settleOne(row, live.get(row.id));
    },
    async away(target) {
      const isLost = target.cluster !== null && (await clusterStore.deletedAmong(db, [target.cluster])).length > 0;
      const message = awayMessage(target);
      for (const row of await volumeClaimStore.ofTarget(db, target.id)) {
        if (row.deleteRequestedAt !== null) {
          await volumeClaimStore.markTerminating(db, row.id, message);
          if (isLost) await claimQueue.settle(db, row.id);
        } else if (row.state === "pending") {
          await volumeClaimStore.markSeen(db, row, { state: "pending", message, capacity: row.capacity });
        }
      }
    },
  };
}

/** The claims of a target's project that are there, by the uuid of their row; undefined when there are too many. */
async function ownClaims(
  client: KubeClient,
  { project }: TargetRow,
  signal: AbortSignal,
): Promise<Map<string, Claim> | undefined> {
  const found = new Map<string, Claim>();
  const labelSelector = `${ownLabels.managedBy}=slipway,${ownLabels.project}=${project},${ownLabels.claim}`;
  let next: string | undefined;
  for (let pages = 0; pages < mostPages; pages += 1) {
    const options = { labelSelector, limit: pageSize, continue: next, maxBytes: mostPageBytes, signal };
    const page = await client.list<Claim>(persistentVolumeClaims, options);
    for (const item of page.items.filter((each) => isRecord(each) && isRecord(each.metadata))) {
      const id = item.metadata.labels?.[ownLabels.claim];
      if (id !== undefined) found.set(id, item);
    }
    next = page.continue;
    if (next === undefined) return found;
  }
  return undefined;
}

const hasLabels = (row: PlacedClaim, { metadata }: Claim): boolean =>
  Object.entries(labelsFor(row)).every(([key, value]) => metadata.labels?.[key] === value);
