import type { TaskHandler } from "../../../jobs/jobs.js";
import type { KubeClient } from "../../../kube/client.js";
import type { Platform } from "../../../platform.js";
import { isUuid } from "../../api/uuid.js";
import { targetAccess } from "../target/access.js";
import { type OpenClient, settleOnTarget } from "../target/settle.js";
import { ensureNamespace, removeNamespace } from "./kube.js";
import { namespaceQueue } from "./queue.js";
import { type NamespaceRow, namespaceStore } from "./store.js";

/** Makes the target what the row of a namespace says. */
export function settleNamespace(platform: Platform, open: OpenClient = targetAccess): TaskHandler {
  const { db } = platform;
  return settleOnTarget<NamespaceRow>(platform, open, {
    row: (id) => namespaceStore.byId(db, id),
    settle: (row, client, signal) => settle(platform, row, client, signal),
    explain: (row, message) => explain(platform, row, message),
    remove: (id) => namespaceStore.remove(db, id),
    lookAgain: ({ id }, looks) => namespaceQueue.lookAgain(db, id, looks),
  });
}

async function explain({ db }: Platform, row: NamespaceRow, message: string): Promise<void> {
  if (row.deleteRequestedAt !== null) await namespaceStore.markTerminating(db, row.id, message);
  // What is there stays there while a change of its labels waits.
  else if (row.state !== "active") await namespaceStore.markState(db, row, "pending", message);
}

/** False when it is about to change by itself. */
async function settle({ db }: Platform, row: NamespaceRow, client: KubeClient, signal: AbortSignal): Promise<boolean> {
  if (row.deleteRequestedAt !== null) {
    const removal = await removeNamespace(client, row, signal);
    if (removal.isGone) await namespaceStore.remove(db, row.id);
    else await namespaceStore.markTerminating(db, row.id, removal.message);
    return removal.isGone;
  }
  const isRegistered = async (id: string): Promise<boolean> =>
    isUuid(id) && (await namespaceStore.byId(db, id)) !== undefined;
  const standing = await ensureNamespace(client, row, { signal, isRegistered });
  if (standing.state === "active") {
    await namespaceStore.markActive(db, row, standing.adopted);
    return true;
  }
  await namespaceStore.markState(db, row, standing.state, standing.message);
  return !standing.isMoving;
}
