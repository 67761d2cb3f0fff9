import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { gardenerBackend } from "./gardener.js";
import type { ClusterBackend } from "./kube.js";

/** The backend of each partition. */
export interface ClusterBackends {
  readonly all: ReadonlyMap<string, ClusterBackend>;
  /** The backend of a partition; a partition that is no longer configured is unavailable. */
  of(partition: string): ClusterBackend;
}

/** Builds the backend of every configured partition. */
export function clusterBackends(platform: Platform): ClusterBackends {
  const all = new Map(
    [...platform.partitions].map(([id, { kube, settings }]) => [
      id,
      gardenerBackend({ client: kube, settings: settings.gardener, partition: id, log: platform.log }),
    ]),
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
