import type { Database } from "../../../db/database.js";
import { addJob, type TaskHandler } from "../../../jobs/jobs.js";
import type { Platform } from "../../../platform.js";
import type { Background } from "../../background.js";
import { clusterBackends } from "../cluster/backends.js";
import { withinCluster } from "../cluster/inside/within.js";
import { clusterStore } from "../cluster/store.js";
import { poolOf, publishPool } from "./metallb.js";
import { ipUseStore } from "./uses.js";

/** The job that works inside of the clusters of a project. */
export const publishTask = "addresses.publish";

/** Queues the job that tells the clusters of a project which addresses it has; a waiting one is brought forward. */
export function queuePublish(db: Database, project: string): Promise<void> {
  return addJob(db, publishTask, { project }, { key: `${publishTask}:${project}`, queue: `addresses:${project}` });
}

/** What workers do for addresses. */
export function ipBackground(platform: Platform): Background {
  return { tasks: { [publishTask]: publish(platform) }, controllers: [] };
}

/** Writes the addresses of a project into the MetalLB of each of its clusters. Idempotent. */
function publish(platform: Platform): TaskHandler {
  const { db, log } = platform;
  const backends = clusterBackends(platform);
  return async (payload, { signal }) => {
    const { project } = payload as { project: string };
    const failures: unknown[] = [];
    for (const cluster of await clusterStore.list(db, project)) {
      const namespace = platform.partitions.get(cluster.partition)?.settings.metallb?.namespace;
      const isReachable = cluster.apiServerReady === "True" && cluster.deleteRequestedAt === null;
      if (namespace === undefined || !isReachable) continue;
      const wanted = poolOf(namespace, await ipUseStore.availableTo(db, cluster));
      // One cluster that is out of reach keeps the others from nothing.
      await withinCluster(backends.of(cluster.partition), cluster, { signal, log }, (client) =>
        publishPool(client, namespace, wanted, signal),
      ).catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw new AggregateError(failures, `${failures.length} clusters could not be told`);
  };
}
