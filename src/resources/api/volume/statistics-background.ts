import type { Logger } from "pino";
import { withoutValues } from "../../../db/errors.js";
import type { TaskHandler } from "../../../jobs/jobs.js";
import { startDeadline } from "../../../kube/deadline.js";
import type { Platform } from "../../../platform.js";
import type { Background } from "../../background.js";
import { type ClusterBackends, clusterBackends } from "../cluster/backends.js";
import { withinCluster } from "../cluster/inside/within.js";
import type { StorageAdapter } from "./statistics.js";
import { kubeletStorage } from "./statistics-kubelet.js";
import { forEachOf } from "./statistics-pool.js";
import { simulatorStorage } from "./statistics-simulator.js";
import { type MeasurableCluster, statisticsStore } from "./statistics-store.js";

/** The job that measures all clusters once. */
export const measureTask = "storage.measure";

/** A job may take a minute; the clusters that were not reached by then have their chance in the next pass. */
const passMs = 50_000;
const clusterMs = 20_000;
const clustersAtOnce = 16;

/** What workers do for the figures of volumes: every five minutes one of them measures all clusters. */
export function statisticsBackground(platform: Platform): Background {
  return {
    tasks: { [measureTask]: measureClusters(platform) },
    cron: [{ task: measureTask, pattern: "*/5 * * * *" }],
    controllers: [],
  };
}

function measureClusters(platform: Platform): TaskHandler {
  const backends = clusterBackends(platform);
  return async (_, { signal, log }) => {
    const adapters = { kubelet: kubeletStorage(log), simulator: simulatorStorage };
    const pass = startDeadline(passMs, signal);
    let left = 0;
    try {
      await forEachOf(await statisticsStore.measurable(platform.db), clustersAtOnce, async (cluster) => {
        const kind = platform.partitions.get(cluster.partition)?.settings.storage;
        if (pass.signal.aborted) left += 1;
        else if (kind !== undefined) await measure(platform, backends, adapters[kind], cluster, pass.signal, log);
      });
    } finally {
      pass.stop();
    }
    if (left > 0) log.warn({ left }, "not all clusters could be measured in time");
  };
}

/** Measures one cluster; when that fails, it is logged and the figures stay as they are. */
async function measure(
  { db, clock }: Platform,
  backends: ClusterBackends,
  adapter: StorageAdapter,
  cluster: MeasurableCluster,
  signal: AbortSignal,
  log: Logger,
): Promise<void> {
  const deadline = startDeadline(clusterMs, signal);
  const options = { signal: deadline.signal, log };
  try {
    const measured = await withinCluster(backends.of(cluster.partition), cluster, options, (client) =>
      adapter.measure(cluster, client, deadline.signal),
    );
    await statisticsStore.put(db, cluster.id, measured, clock());
  } catch (error) {
    const err = withoutValues(deadline.explain(error));
    log.warn({ err, cluster: cluster.id }, "a cluster does not say how full its volumes are");
  } finally {
    deadline.stop();
  }
}
