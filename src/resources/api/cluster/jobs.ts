import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import { addJob, type TaskHandler } from "../../../jobs/jobs.js";
import type { Platform } from "../../../platform.js";
import type { ClusterBackends } from "./backends.js";
import type { ClusterBackend } from "./kube.js";
import { clusterSpec } from "./messages.js";
import { storeMonitoring } from "./monitoring.js";
import { reconcileTask } from "./statements.js";
import { type ClusterRow, clusterStore } from "./store.js";

/** Queues the job in the caller's transaction; a waiting one is brought forward, never doubled. */
export function queueReconcile(tx: Database, id: string): Promise<void> {
  // One queue per cluster: two jobs of the same cluster never run at once.
  return addJob(tx, reconcileTask, { id }, { key: `${reconcileTask}:${id}`, queue: `cluster:${id}` });
}

/**
 * Makes the backend what the row says. It may run any number of times, after
 * any crash: it reads what is wanted, and every step is idempotent.
 */
export function reconcileCluster(platform: Platform, backends: ClusterBackends): TaskHandler {
  const { db } = platform;
  return async (payload, { signal }) => {
    const { id } = payload as { id: string };
    const [row] = await clusterStore.byIds(db, [id]);
    if (row === undefined) return;
    const backend = backends.of(row.partition);
    if (row.deleteRequestedAt !== null) {
      // What turns up after its deletion was settled is removed like any other.
      if ((await backend.remove(row, signal)) === "gone") await clusterStore.markDeleted(db, id, platform.clock());
      return;
    }
    if (row.appliedGeneration < row.generation) {
      await applyWanted(platform, backend, row, signal);
    }
    await passOn(platform, backend, row, signal);
    const seen = await backend.observe(row, signal);
    if (seen !== undefined) await clusterStore.observe(db, seen);
    await refreshMonitoring(platform, backend, id, signal);
  };
}

/** Tells the backend what is wanted. A refusal is shown to the cluster's owner; the job tries again later. */
async function applyWanted(
  platform: Platform,
  backend: ClusterBackend,
  row: ClusterRow,
  signal: AbortSignal,
): Promise<void> {
  const { db, clock } = platform;
  let version: string;
  try {
    version = await backend.apply(clusterSpec(row), signal);
  } catch (error) {
    if (error instanceof DomainError && error.kind === "precondition") {
      const lastUpdateTime = clock().toISOString();
      const refusal = { description: error.message, codes: ["ERR_CONFIGURATION_PROBLEM"], lastUpdateTime };
      await clusterStore.markRefused(db, row.id, row.generation, refusal);
    }
    throw error;
  }
  await clusterStore.markApplied(db, row.id, row.generation, version);
}

/** Passes a pending operation on; one that the backend refuses is given up. */
async function passOn(
  platform: Platform,
  backend: ClusterBackend,
  row: ClusterRow,
  signal: AbortSignal,
): Promise<void> {
  const operation = row.pendingOperation;
  if (operation === null) return;
  try {
    await backend.operate(row, operation, signal);
  } catch (error) {
    if (!(error instanceof DomainError) || error.kind !== "precondition") throw error;
    platform.log.warn({ cluster: row.id, operation, reason: error.message }, "operation refused");
  }
  await clusterStore.clearOperation(platform.db, row.id, operation);
}

async function refreshMonitoring(
  platform: Platform,
  backend: ClusterBackend,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const [row] = await clusterStore.byIds(platform.db, [id]);
  if (row !== undefined) await storeMonitoring(platform.db, platform.keyring, backend, row, signal);
}
