import type { Logger } from "pino";
import type { KubeClient } from "../../../kube/client.js";
import { follow } from "../../../kube/informer.js";
import type { KubeObject, ResourceType } from "../../../kube/objects.js";
import { domainError } from "./gardener-errors.js";
import { keys } from "./gardener-types.js";
import type { ClusterHandlers, ClusterObservation } from "./kube.js";

/** The objects that stand for the clusters of one partition, and how they are read. */
export interface ObjectsToFollow<T extends KubeObject> {
  readonly client: KubeClient;
  readonly partition: string;
  readonly type: ResourceType;
  /** What an object says about its cluster; undefined when it is not one of Slipway's. */
  readonly observationOf: (object: T, gone?: boolean) => ClusterObservation | undefined;
  /** Called with each object that is there, after the handlers were told of it. */
  readonly onTold?: (object: T) => Promise<void>;
  readonly log: Logger;
  /** See FollowOptions; for tests. */
  readonly watchdogMs?: number | undefined;
}

const resyncMs = 10 * 60_000;

/** Tells every change of the objects until the signal aborts, as ClusterBackend.follow does. */
export function followObjects<T extends KubeObject>(
  objects: ObjectsToFollow<T>,
  handlers: ClusterHandlers,
  signal: AbortSignal,
): Promise<void> {
  const { client, partition, type, observationOf, onTold, log, watchdogMs } = objects;
  return follow<T>({
    client,
    type,
    labelSelector: `${keys.cluster},${keys.partition}=${partition}`,
    onSync: async (items) => {
      await handlers.onSync(items.flatMap((item) => observationOf(item) ?? []));
      for (const item of items) await onTold?.(item);
    },
    onEvent: async ({ type, object }) => {
      const gone = type === "DELETED";
      const seen = observationOf(object, gone);
      if (seen !== undefined) await handlers.onObservation(seen);
      if (!gone) await onTold?.(object);
    },
    onUp: () => handlers.onUp(),
    onDown: (error) => handlers.onDown(asError(domainError(error))),
    signal,
    log,
    resyncMs,
    ...(watchdogMs === undefined ? {} : { watchdogMs }),
  });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error("the cluster backend failed", { cause: error });
}
