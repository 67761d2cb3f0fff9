import type { Platform } from "../../../platform.js";
import type { Background } from "../../background.js";
import { clusterBackends } from "./backends.js";
import { followClusters } from "./controller.js";
import { reconcileCluster } from "./jobs.js";
import { reconcileTask } from "./statements.js";

/** What workers do for clusters: carry out what is wanted, and follow what is. */
export function clusterBackground(platform: Platform): Background {
  const backends = clusterBackends(platform);
  return {
    tasks: { [reconcileTask]: reconcileCluster(platform, backends) },
    controllers: [...backends.all].map(([partition, backend]) => ({
      name: `clusters of ${partition}`,
      run: (signal) => followClusters(platform, partition, backend, signal),
    })),
  };
}
