import type { Logger } from "pino";
import type { KubeClient } from "../../../../kube/client.js";
import { notFound } from "../../../../kube/errors.js";
import { follow } from "../../../../kube/informer.js";
import { type KubeObject, pathOf, type ResourceType } from "../../../../kube/objects.js";
import type { InsideObjects } from "./reader.js";

const resyncMs = 10 * 60_000;
/** Groups that every cluster serves. */
const always: ReadonlySet<string> = new Set(["", "storage.k8s.io"]);

/** Objects of one cluster that are kept up to date. */
export interface FollowedObjects extends InsideObjects {
  /** Whether these types have all been read, or are not served. */
  isRead(types: readonly ResourceType[]): boolean;
  /** Follows until the signal aborts; calls back after each change, with the type that changed. */
  follow(onChange: (type: ResourceType) => void): Promise<void>;
}

/** Follows the objects of some types in one cluster. */
export function followedObjects(
  client: KubeClient,
  types: readonly ResourceType[],
  options: { readonly signal: AbortSignal; readonly log: Logger },
): FollowedObjects {
  const kinds = new Map(types.map((type) => [pathOf(type), type]));
  const collections = new Map<string, Map<string, KubeObject>>();
  const followOne = (key: string, type: ResourceType, onChange: (type: ResourceType) => void): Promise<void> =>
    follow<KubeObject>({
      client,
      type,
      ...options,
      resyncMs,
      onSync(items) {
        collections.set(key, new Map(items.map((item) => [uidOf(item), item])));
        onChange(type);
      },
      onEvent(event) {
        const known = collections.get(key) ?? new Map<string, KubeObject>();
        if (event.type === "DELETED") known.delete(uidOf(event.object));
        else known.set(uidOf(event.object), event.object);
        collections.set(key, known);
        onChange(type);
      },
      onDown(error) {
        // The cluster does not serve it; it may later, for following goes on. What Kubernetes itself serves is
        // never absent: such an answer comes from something in between.
        if (!notFound(error) || always.has(type.group)) return;
        collections.set(key, new Map());
        onChange(type);
      },
    });
  return {
    of: <T extends KubeObject>(type: ResourceType) => [...(collections.get(pathOf(type))?.values() ?? [])] as T[],
    isRead: (wanted) => wanted.every((type) => collections.has(pathOf(type))),
    async follow(onChange) {
      await Promise.all([...kinds].map(([key, type]) => followOne(key, type, onChange)));
    },
  };
}

const uidOf = ({ metadata }: KubeObject): string => metadata.uid ?? `${metadata.namespace}/${metadata.name}`;
