import type { Logger } from "pino";
import type { KubeClient } from "../../../../kube/client.js";
import { notFound } from "../../../../kube/errors.js";
import { follow } from "../../../../kube/informer.js";
import { type KubeObject, pathOf, type ResourceType } from "../../../../kube/objects.js";
import { type Budget, type Collection, collectionOf } from "./collection.js";
import type { FollowedType, InsideObjects } from "./reader.js";

const resyncMs = 10 * 60_000;
/** A page of a list is parsed at once: objects of usual size fit into it many times. */
const page = { pageSize: 250, maxPageBytes: 16 * 1024 * 1024 };
/** Groups that every cluster serves. */
const always: ReadonlySet<string> = new Set(["", "storage.k8s.io"]);

/** Objects of one cluster that are kept up to date. */
export interface FollowedObjects extends InsideObjects {
  /** Whether all types have been read, or are not served. */
  isRead(): boolean;
  /** Follows until the signal aborts; calls back after each change. */
  follow(onChange: () => void): Promise<void>;
}

/** How objects of a cluster are followed. */
export interface FollowObjectsOptions {
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** For each type. */
  readonly budget: Budget;
  /** Hears, for each type, that the cluster has more of it than is kept. */
  readonly onOver: (type: ResourceType) => void;
  /** Hears why the API server does not answer, whenever the kind of reason changes. */
  readonly onDown: (error: unknown) => void;
}

/** Follows the objects of some types in one cluster. */
export function followedObjects(
  client: KubeClient,
  types: readonly FollowedType[],
  options: FollowObjectsOptions,
): FollowedObjects {
  const collections = new Map<string, Collection>();
  const followOne = (followed: FollowedType, onChange: () => void): Promise<void> => {
    const { type } = followed;
    const collection = collectionOf(followed, options.budget, () => options.onOver(type));
    const changed = (): void => {
      collections.set(pathOf(type), collection);
      onChange();
    };
    return follow<KubeObject>({
      client,
      type,
      signal: options.signal,
      log: options.log,
      resyncMs,
      ...page,
      intake: collection.intake,
      onSync(items) {
        collection.replace(items);
        changed();
      },
      onEvent(event) {
        if (event.type === "DELETED") collection.remove(event.object);
        else collection.put(event.object);
        changed();
      },
      onDown(error) {
        options.onDown(error);
        // The cluster does not serve it; it may later, for following goes on. What Kubernetes itself serves is
        // never absent: such an answer comes from something in between.
        if (!notFound(error) || always.has(type.group)) return;
        collection.clear();
        changed();
      },
    });
  };
  return {
    of: <T extends KubeObject>(type: ResourceType) => (collections.get(pathOf(type))?.values() ?? []) as T[],
    isComplete: (type) => collections.get(pathOf(type))?.isComplete() ?? false,
    isRead: () => types.every(({ type }) => collections.has(pathOf(type))),
    async follow(onChange) {
      await Promise.all(types.map((type) => followOne(type, onChange)));
    },
  };
}
