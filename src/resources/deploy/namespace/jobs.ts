import type { TaskHandler } from "../../../jobs/jobs.js";
import type { KubeClient } from "../../../kube/client.js";
import { transient } from "../../../kube/errors.js";
import type { Platform } from "../../../platform.js";
import { clusterStore } from "../../api/cluster/store.js";
import { isUuid } from "../../api/uuid.js";
import { targetAccess } from "../target/access.js";
import { failureMessage } from "../target/failure.js";
import { type TargetRow, targetStore } from "../target/store.js";
import { ensureNamespace, removeNamespace } from "./kube.js";
import { queueLook } from "./queue.js";
import { type NamespaceRow, namespaceStore } from "./store.js";

/** Opens a client for a target. */
export type OpenClient = (platform: Platform, target: TargetRow) => KubeClient;

/**
 * Makes the target what the row of a namespace says. It may run any number of times, after any crash: it reads what
 * is wanted, and every step is idempotent. What waits for its target is brought forward by the looks at it.
 */
export function settleNamespace(platform: Platform, open: OpenClient = targetAccess): TaskHandler {
  const { db } = platform;
  return async (payload, { signal }) => {
    const { id, looks } = payload as { id: string; looks: number };
    const row = await namespaceStore.byId(db, id);
    const target = row && (await targetStore.get(db, { project: row.project, id: row.target }));
    if (row === undefined || target === undefined) return;
    if (target.connection !== "connected") return await waitFor(platform, row, target);
    const client = open(platform, target);
    try {
      const isSettled = await settle(platform, row, client, signal);
      if (!isSettled) await queueLook(db, id, looks);
    } catch (error) {
      if (signal.aborted) throw error;
      await explain(platform, row, failureMessage(error));
      if (transient(error)) throw error;
    } finally {
      client.close();
    }
  };
}

/** What is said of namespaces whose target is away. */
export function awayMessage({ connection, connectionMessage }: TargetRow): string {
  if (connection !== "pending") return `the target cannot be reached: ${connectionMessage}`;
  return connectionMessage === "" ? "the target was not reached yet" : `the target waits: ${connectionMessage}`;
}

/** Nothing is left of what was in a cluster of the platform that is deleted; anything else waits. */
async function waitFor(platform: Platform, row: NamespaceRow, target: TargetRow): Promise<void> {
  const { db } = platform;
  const isLost = target.cluster !== null && (await clusterStore.deletedAmong(db, [target.cluster])).length > 0;
  if (isLost && row.deleteRequestedAt !== null) await namespaceStore.remove(db, row.id);
  else await explain(platform, row, awayMessage(target));
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
