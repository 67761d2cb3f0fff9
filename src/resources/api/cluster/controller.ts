import { withoutValues } from "../../../db/errors.js";
import type { Platform } from "../../../platform.js";
import { partitionHealthStore } from "../health/store.js";
import { queueReconcile } from "./jobs.js";
import type { ClusterBackend, ClusterObservation } from "./kube.js";
import { type ClusterRow, clusterStore } from "./store.js";

/** How often a worker says that it still sees what it last reported. */
export const heartbeatMs = 10_000;

/**
 * Follows the clusters of one partition and writes what it sees into their
 * rows, until the signal aborts. One process of the platform runs it at a time.
 */
export async function followClusters(
  platform: Platform,
  partition: string,
  backend: ClusterBackend,
  signal: AbortSignal,
): Promise<void> {
  const report = healthReporter(platform, partition);
  const heartbeat = setInterval(() => report(), heartbeatMs);
  try {
    await backend.follow(
      {
        onSync: (all) => sync(platform, partition, backend, all, signal),
        onObservation: (seen) => observe(platform, backend, seen, signal),
        onUp: () => {
          report({ reachable: true, message: "" });
          // After a short absence the backend is not read again: what waited for it would go on waiting.
          bringForward(platform, partition).catch((error: unknown) =>
            platform.log.warn({ err: withoutValues(error), partition }, "waiting work was not brought forward"),
          );
        },
        onDown: (error) => report({ reachable: false, message: error.message }),
      },
      signal,
    );
  } finally {
    clearInterval(heartbeat);
  }
}

/** Writes what is known of the partition's Kubernetes; without news, that it is still so. */
function healthReporter(platform: Platform, partition: string) {
  let last = { reachable: false, message: "not reached yet" };
  return (news?: { readonly reachable: boolean; readonly message: string }): void => {
    last = news ?? last;
    partitionHealthStore
      .report(platform.db, { partition, ...last, at: platform.clock() })
      .catch((error: unknown) => platform.log.warn({ err: withoutValues(error), partition }, "health report failed"));
  };
}

async function observe(
  platform: Platform,
  backend: ClusterBackend,
  seen: ClusterObservation,
  signal: AbortSignal,
): Promise<void> {
  const { db } = platform;
  if (seen.gone) {
    await settleIfGone(platform, backend, seen.id, signal);
    return;
  }
  if (await clusterStore.observe(db, seen)) {
    // The job fetches what comes with a finished operation, such as the dashboards.
    if (seen.state === "Succeeded") await queueReconcile(db, seen.id);
  } else {
    await removeLeftovers(platform, [seen.id]);
  }
}

/** Looks at the backend before it believes that a cluster is gone: the news may be of an older namesake. */
async function settleIfGone(
  platform: Platform,
  backend: ClusterBackend,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const [row] = await clusterStore.byIds(platform.db, [id]);
  if (row === undefined || row.deletedAt !== null) return;
  if ((await backend.observe(row, signal)) === undefined) await settleGone(platform, id);
}

/** What was made so late that its deletion was settled already is removed like any other. */
async function removeLeftovers({ db, log }: Platform, ids: readonly string[]): Promise<void> {
  for (const id of await clusterStore.deletedAmong(db, ids)) {
    log.warn({ cluster: id }, "a deleted cluster is still at its backend: removing it");
    await queueReconcile(db, id);
  }
}

/** A cluster that is no longer there: deleted as asked, or lost and to be made again. */
async function settleGone(platform: Platform, id: string): Promise<void> {
  const { db } = platform;
  if (await clusterStore.markDeleted(db, id, platform.clock())) return;
  await db.transaction(async (tx) => {
    if (!(await clusterStore.markLost(tx, id))) return;
    platform.log.warn({ cluster: id }, "cluster vanished from its backend: creating it again");
    await queueReconcile(tx, id);
  });
}

/** After a full read: records all states, makes again what vanished, and brings waiting work forward. */
async function sync(
  platform: Platform,
  partition: string,
  backend: ClusterBackend,
  all: readonly ClusterObservation[],
  signal: AbortSignal,
): Promise<void> {
  const { db } = platform;
  const seen = new Map(all.map((observation) => [observation.id, observation]));
  const rows = await clusterStore.inPartition(db, partition);
  for (const row of rows) {
    const observation = seen.get(row.id);
    seen.delete(row.id);
    if (observation !== undefined) await record(platform, backend, row, observation, signal);
    else if (row.appliedGeneration > 0) await settleIfGone(platform, backend, row.id, signal);
  }
  await removeLeftovers(platform, [...seen.keys()]);
  await bringForward(platform, partition);
}

/** Records what a full read says, unless that is older than what is known: then it looks again. */
async function record(
  platform: Platform,
  backend: ClusterBackend,
  row: ClusterRow,
  observation: ClusterObservation,
  signal: AbortSignal,
): Promise<void> {
  if (row.observedVersion === null || BigInt(observation.version) >= row.observedVersion) {
    await clusterStore.observe(platform.db, observation);
    return;
  }
  const live = await backend.observe(row, signal);
  if (live !== undefined) await clusterStore.observe(platform.db, live, true);
}

/** Queues what the backend has not been told yet, whatever a job that failed is waiting for. */
async function bringForward({ db }: Platform, partition: string): Promise<void> {
  for (const id of await clusterStore.unsettled(db, partition)) await queueReconcile(db, id);
}
