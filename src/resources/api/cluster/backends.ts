import { DomainError } from "../../../errors.js";
import type { KubeClient } from "../../../kube/client.js";
import type { BackendSettings } from "../../../partitions.js";
import type { Platform } from "../../../platform.js";
import { clusterApiBackend } from "./cluster-api.js";
import { gardenerBackend } from "./gardener.js";
import type { ClusterBackend } from "./kube.js";

/** The backend of each partition. */
export interface ClusterBackends {
  readonly all: ReadonlyMap<string, ClusterBackend>;
  /** The backend of a partition; a partition that is no longer configured is unavailable. */
  of(partition: string): ClusterBackend;
}

function backendOf(
  { log, clock }: Platform,
  partition: string,
  client: KubeClient,
  settings: BackendSettings,
): ClusterBackend {
  return "gardener" in settings
    ? gardenerBackend({ client, settings: settings.gardener, partition, log })
    : clusterApiBackend({ client, settings: settings.clusterApi, partition, log, clock });
}

/** Builds the backend of every configured partition. */
export function clusterBackends(platform: Platform): ClusterBackends {
  const all = new Map(
    [...platform.partitions].map(([id, { kube, settings }]) => [id, backendOf(platform, id, kube, settings.backend)]),
  );
  return {
    all,
    of(partition) {
      const backend = all.get(partition);
      if (backend === undefined) {
        throw new DomainError("unavailable", `partition ${partition} is not configured at this server`);
      }
      return backend;
    },
  };
}
