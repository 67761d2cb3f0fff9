import { isDeepStrictEqual } from "node:util";
import type { Logger } from "pino";
import type { KubeClient } from "../../../kube/client.js";
import { KubeError, notFound, transient } from "../../../kube/errors.js";
import { type FollowOptions, follow } from "../../../kube/informer.js";
import type { KubeObject, ResourceType } from "../../../kube/objects.js";
import { type Budget, type Collection, collectionOf, keyOf } from "../../api/cluster/inside/collection.js";
import { labels } from "../engine/labels.js";
import type { LiveObject } from "../engine/standing-facts.js";
import { failureMessage } from "../target/failure.js";
import { picker } from "./pick.js";

/** Objects of one type on a target, by whose they are. */
export interface Part {
  readonly type: ResourceType;
  of(owner: string): readonly LiveObject[];
  /** Whether it was read; or why it cannot be. */
  state(): "unread" | "read" | { readonly problem: string };
  /** Whether nothing had to be left out. */
  isComplete(): boolean;
  stop(): Promise<void>;
}

/** By what the objects of a type are told to be a deployment's. */
export type PartKind = "own" | "chart";

/** What following a part needs. */
export interface PartOptions {
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly budget: Budget;
  /** Pauses between attempts; as informers have it unless given. */
  readonly backoff?: { readonly minMs: number; readonly maxMs: number } | undefined;
  /** Of charts: whether an object in that Namespace may be one's. Others are not kept. */
  readonly isChartNamespace: (namespace: string) => boolean;
  /** Hears whose objects have changed; of all, when they were read anew, or the state has changed. */
  readonly onChange: (owners: Iterable<string> | "all") => void;
}

const resyncMs = 10 * 60_000;
/** A page of a list is parsed at once. */
const page = { pageSize: 250, maxPageBytes: 16 * 1024 * 1024 };

const selectors: Readonly<Record<PartKind, string>> = {
  own: labels.deployment,
  chart: `${labels.instance},!${labels.deployment}`,
};

/** Whose objects of charts are: the chart whose objects have that name, in that Namespace. */
export const chartOwner = (namespace: string, objectName: string): string => `${namespace}/${objectName}`;

/** Follows the objects of one type until it is stopped, or the signal aborts. */
export function followPart(client: KubeClient, type: ResourceType, kind: PartKind, options: PartOptions): Part {
  const turn = new AbortController();
  const end = (): void => turn.abort();
  options.signal.addEventListener("abort", end, { once: true });
  if (options.signal.aborted) end();
  const collection = collectionOf({ type, pick: pickOf(type, kind, options) }, options.budget, () => undefined);
  const index = ownedIn(collection, kind);
  const state = openState(type, () => options.onChange("all"));
  const working = follow<KubeObject>({
    ...{ client, type, signal: turn.signal, log: options.log, labelSelector: selectors[kind], resyncMs, ...page },
    ...(options.backoff === undefined ? {} : { backoff: options.backoff }),
    ...handlersOf(collection, index, state, options),
  });
  return {
    type,
    of: index.of,
    state: state.is,
    isComplete: () => collection.isComplete(),
    async stop() {
      end();
      options.signal.removeEventListener("abort", end);
      await working;
    },
  };
}

function handlersOf(
  collection: Collection,
  index: ReturnType<typeof ownedIn>,
  state: ReturnType<typeof openState>,
  { onChange }: PartOptions,
): Pick<FollowOptions<KubeObject>, "intake" | "onSync" | "onEvent" | "onUp" | "onDown"> {
  return {
    intake: collection.intake,
    onSync(items) {
      collection.replace(items);
      index.rebuild();
      state.read();
      onChange("all");
    },
    onEvent(event) {
      const owners = index.take(event.object, event.type === "DELETED");
      if (owners.length > 0) onChange(owners);
    },
    onUp: () => state.up(),
    onDown(error) {
      if (state.down(error) !== "absent") return;
      collection.clear();
      index.rebuild();
      onChange("all");
    },
  };
}

function pickOf(type: ResourceType, kind: PartKind, { isChartNamespace }: PartOptions) {
  const pick = picker(type);
  if (kind === "own") return pick;
  return (object: KubeObject): KubeObject | undefined => {
    const picked = pick(object);
    return picked !== undefined && isChartNamespace(picked.metadata.namespace ?? "") ? picked : undefined;
  };
}

/** The objects of a collection by whose they are. */
function ownedIn(collection: Collection, kind: PartKind) {
  let byOwner = new Map<string, Map<string, LiveObject>>();
  let owners = new Map<string, string>();
  const put = (object: KubeObject): void => {
    const owner = ownerOf(object, kind);
    const key = keyOf(object);
    const own = byOwner.get(owner) ?? new Map<string, LiveObject>();
    own.set(key, { ...object });
    byOwner.set(owner, own);
    owners.set(key, owner);
  };
  const remove = (key: string): void => {
    const owner = owners.get(key);
    if (owner === undefined) return;
    const own = byOwner.get(owner);
    own?.delete(key);
    if (own?.size === 0) byOwner.delete(owner);
    owners.delete(key);
  };
  return {
    of: (owner: string): readonly LiveObject[] => [...(byOwner.get(owner)?.values() ?? [])],
    rebuild(): void {
      byOwner = new Map();
      owners = new Map();
      for (const object of collection.values()) put(object);
    },
    /** Takes in what a watch told; answers whose objects are others now. */
    take(object: KubeObject, isGone: boolean): string[] {
      const key = keyOf(object);
      const [before, ownerBefore] = [collection.get(object), owners.get(key)];
      if (isGone) collection.remove(object);
      else collection.put(object);
      const after = collection.get(object);
      if (isDeepStrictEqual(before, after)) return [];
      remove(key);
      if (after !== undefined) put(after);
      return [...new Set([ownerBefore, owners.get(key)])].filter((owner) => owner !== undefined);
    },
  };
}

function ownerOf({ metadata }: KubeObject, kind: PartKind): string {
  if (kind === "own") return metadata.labels?.[labels.deployment] ?? "";
  return chartOwner(metadata.namespace ?? "", metadata.labels?.[labels.instance] ?? "");
}

/** Whether a type can be read, and if not, why. */
function openState(type: ResourceType, changed: () => void) {
  let isRead = false;
  let failure: unknown;
  return {
    read(): void {
      isRead = true;
      failure = undefined;
    },
    up(): void {
      const was = failure;
      failure = undefined;
      if (was !== undefined) changed();
    },
    down(error: unknown): "absent" | "failed" {
      // Kubernetes' own types are never absent: such an answer comes from something in between.
      if (notFound(error) && type.group !== "") {
        isRead = true;
        failure = undefined;
        return "absent";
      }
      failure = error;
      changed();
      return "failed";
    },
    is(): ReturnType<Part["state"]> {
      if (failure === undefined) return isRead ? "read" : "unread";
      // What was read holds while nothing is known of the API server but that it does not answer.
      const mayPass = transient(failure) && !(failure instanceof KubeError && failure.kind === "malformed");
      if (isRead && mayPass) return "read";
      return { problem: `${type.plural} of the target cannot be read: ${failureMessage(failure)}` };
    },
  };
}
