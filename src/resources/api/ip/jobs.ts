import type { Database } from "../../../db/database.js";
import { addJob, type TaskHandler } from "../../../jobs/jobs.js";
import { handOnFailure, overduePayloads, type RequestedJob, requestJob } from "../../../jobs/request.js";
import type { Platform } from "../../../platform.js";
import type { Background } from "../../background.js";
import { clusterBackends } from "../cluster/backends.js";
import { withinCluster } from "../cluster/inside/within.js";
import { clusterStore } from "../cluster/store.js";
import { poolOf, publishPool } from "./metallb.js";
import { ipUseStore } from "./uses.js";

/** The name of the job that works inside of a cluster. */
export const publishTask = "addresses.publish-to";
/** The job that asks for those of each cluster of a project; the database knows its name, too. */
const spreadTask = "addresses.publish";
/** The job that does so for projects whose own job workers do not come by. */
const heldTask = "addresses.publish-held";
const heldSeconds = 10;

/**
 * Asks, in the transaction of the change, for the job that tells the clusters of a project which addresses it has.
 * The database asks for the same job itself when it allocates.
 */
export function queuePublish(tx: Database, project: string): Promise<void> {
  const queue = `addresses:${project}`;
  return requestJob(tx, { task: spreadTask, payload: { project }, key: `${spreadTask}:${project}`, queue });
}

/** The same for one cluster, when its pool was seen not to be what it shall; an attempt that waits keeps its time. */
export const queuePublishTo = (db: Database, cluster: string): Promise<void> => requestJob(db, publishTo(cluster));

/** The same for a cluster that answers again: an attempt that waits is brought forward. */
export function publishNowTo(db: Database, cluster: string): Promise<void> {
  const { task, payload, key, queue } = publishTo(cluster);
  return addJob(db, task, payload, { key, queue });
}

/** What workers do for addresses. */
export function ipBackground(platform: Platform): Background {
  return {
    tasks: {
      [spreadTask]: (payload) => spread(platform, payload),
      [heldTask]: async () => {
        for (const one of await overduePayloads(platform.db, spreadTask, heldSeconds)) await spread(platform, one);
      },
      [publishTask]: publish(platform),
    },
    cron: [{ task: heldTask, pattern: "* * * * *" }],
    controllers: [],
  };
}

// A job for each cluster: one that is out of reach keeps the others from nothing.
const publishTo = (cluster: string): RequestedJob => ({
  task: publishTask,
  payload: { cluster },
  key: `${publishTask}:${cluster}`,
  queue: `addresses-of:${cluster}`,
});

async function spread({ db }: Platform, payload: unknown): Promise<void> {
  const { project } = payload as { project: string };
  for (const { id } of await clusterStore.list(db, project)) await queuePublishTo(db, id);
}

/** Writes the addresses of a project into the MetalLB of one of its clusters. Idempotent. */
function publish(platform: Platform): TaskHandler {
  const { db } = platform;
  const backends = clusterBackends(platform);
  return async (payload, { signal, attempt, log }) => {
    const { cluster: id } = payload as { cluster: string };
    const [cluster] = await clusterStore.byIds(db, [id]);
    if (cluster === undefined || cluster.deleteRequestedAt !== null) return;
    const namespace = platform.partitions.get(cluster.partition)?.settings.metallb?.namespace;
    // Once it answers, whoever reads it asks for its pool.
    if (namespace === undefined || cluster.apiServerReady !== "True") return;
    try {
      const wanted = poolOf(namespace, await ipUseStore.availableTo(db, cluster));
      await withinCluster(backends.of(cluster.partition), cluster, { signal, log }, (client) =>
        publishPool(client, namespace, wanted, signal),
      );
    } catch (error) {
      if (!(await handOnFailure(db, publishTo(id).key, attempt))) throw error;
      log.warn({ cluster: id }, "a cluster could not be told its addresses; it will be tried again");
    }
  };
}
