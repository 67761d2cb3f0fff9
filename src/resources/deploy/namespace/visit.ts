import type { KubeClient } from "../../../kube/client.js";
import { type KubeObject, namespaces } from "../../../kube/objects.js";
import type { Platform } from "../../../platform.js";
import { isRecord } from "../../../record.js";
import { clusterStore } from "../../api/cluster/store.js";
import { awayMessage } from "../target/settle.js";
import type { TargetRow } from "../target/store.js";
import type { TargetVisitor } from "../target/visitor.js";
import { labelsFor } from "./kube.js";
import { namespaceQueue } from "./queue.js";
import { ownLabels } from "./rules.js";
import { type NamespaceRow, namespaceStore } from "./store.js";

const pageSize = 250;
const mostPages = 20;
const mostPageBytes = 8 * 1024 * 1024;

/** At every look at a target: brings forward what waits for it, and makes again what is not there any more. */
export function namespaceVisitor({ db, log }: Platform): TargetVisitor {
  return {
    name: "namespaces",
    async visit(target, client, signal) {
      const rows = await namespaceStore.ofTarget(db, target.id);
      if (rows.length === 0) return;
      const live = await ownNamespaces(client, target, signal);
      for (const row of rows) {
        if (row.state === "active" && live !== undefined && !isAsWanted(row, live.get(row.id))) {
          log.info(
            { target: target.id, namespace: row.id },
            "a namespace is not on its target as it was: it is made so",
          );
          await namespaceStore.markState(db, row, "pending", "it was changed on the target: it is made again");
          await namespaceQueue.settle(db, row.id);
        } else if (row.state !== "active" || row.appliedGeneration < row.generation) {
          await namespaceQueue.settle(db, row.id);
        }
      }
    },
    async away(target) {
      await namespaceStore.markAway(db, target.id, awayMessage(target));
      if (target.cluster === null || (await clusterStore.deletedAmong(db, [target.cluster])).length === 0) return;
      for (const row of await namespaceStore.ofTarget(db, target.id)) {
        if (row.deleteRequestedAt !== null) await namespaceQueue.settle(db, row.id);
      }
    },
  };
}

/** The Namespaces of a target's project that are there, by the uuid of their row; undefined when there are too many. */
async function ownNamespaces(
  client: KubeClient,
  { project }: TargetRow,
  signal: AbortSignal,
): Promise<Map<string, KubeObject> | undefined> {
  const found = new Map<string, KubeObject>();
  const labelSelector = `${ownLabels.managedBy}=slipway,${ownLabels.project}=${project}`;
  let next: string | undefined;
  for (let pages = 0; pages < mostPages; pages += 1) {
    const options = { labelSelector, limit: pageSize, continue: next, maxBytes: mostPageBytes, signal };
    const page = await client.list<KubeObject>(namespaces, options);
    for (const item of page.items.filter((each) => isRecord(each) && isRecord(each.metadata))) {
      const id = item.metadata.labels?.[ownLabels.namespace];
      if (id !== undefined) found.set(id, item);
    }
    next = page.continue;
    if (next === undefined) return found;
  }
  return undefined;
}

function isAsWanted(row: NamespaceRow, live: KubeObject | undefined): boolean {
  if (live === undefined || live.metadata.name !== row.name || live.metadata.deletionTimestamp !== undefined)
    return false;
  // A change of what is wanted is told anyway.
  if (row.appliedGeneration < row.generation) return true;
  return Object.entries(labelsFor(row)).every(([key, value]) => live.metadata.labels?.[key] === value);
}
