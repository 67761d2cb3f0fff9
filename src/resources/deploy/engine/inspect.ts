import type { KubeClient } from "../../../kube/client.js";
import type { ResourceType } from "../../../kube/objects.js";
import type { ObservedProcess } from "../deployment/table.js";
import type { InventoryEntry } from "../spec/content.js";
import type { Manifest, ObjectOwner } from "./engine.js";
import { pods as podType } from "./kinds.js";
import { labels } from "./labels.js";
import { inTurns, readLive, titleOf } from "./live.js";
import { combined, type KindName, type Standing, standingOf, withPods } from "./standing.js";
import { fieldsOf, type HealthName, type LiveObject, standing, textOf } from "./standing-facts.js";
import { isCurrentPod, isReadyPod, podStanding } from "./standing-pod.js";

const pageSize = 500;
const mostPages = 20;

/** How a deployment is on its target. */
export interface Inspection {
  readonly health: HealthName;
  /** Why; empty when there is nothing to say. */
  readonly message: string;
  /** Whether it will not become healthy by itself any more: nobody needs to wait for it. */
  readonly failed: boolean;
  /** By name; none for a chart. */
  readonly processes: Readonly<Record<string, ObservedProcess>>;
}

/** An object that is wanted, and what was found; undefined when it is not there. */
export interface SeenObject {
  readonly type: KindName;
  readonly name: string;
  readonly object: LiveObject | undefined;
}

/** Reads objects of an owner and its Pods, and says how all of it is. Each call has a deadline; throws KubeError. */
export async function inspect(
  client: KubeClient,
  owner: ObjectOwner,
  objects: readonly (Manifest | InventoryEntry)[],
  signal: AbortSignal,
): Promise<Inspection> {
  const seen = await inTurns(objects.map(wantedOf), signal, async ({ type, name, namespace }) => {
    const place = { name, ...(namespace === "" ? {} : { namespace }) };
    return { type, name, object: await readLive(client, type, place, signal) };
  });
  return judged(seen, await podsOf(client, owner, signal));
}

interface Wanted {
  readonly type: ResourceType;
  readonly name: string;
  readonly namespace: string;
}

function wantedOf(each: Manifest | InventoryEntry): Wanted {
  if ("object" in each) {
    const { name, namespace = "" } = each.object.metadata;
    return { type: each.type, name, namespace };
  }
  const { group, version, plural, kind, name, namespace } = each;
  return { type: { group, version, plural, kind }, name, namespace };
}

/** The Pods of an owner in its namespace, also those that a chart made. Throws KubeError. */
export async function podsOf(client: KubeClient, owner: ObjectOwner, signal: AbortSignal): Promise<LiveObject[]> {
  const labelSelector = `${labels.instance}=${owner.objectName}`;
  const found: LiveObject[] = [];
  let next: string | undefined;
  for (let page = 0; page < mostPages; page++) {
    const list = await client.list<LiveObject>(podType, {
      namespace: owner.namespace,
      labelSelector,
      limit: pageSize,
      continue: next,
      signal,
    });
    found.push(...list.items);
    next = list.continue;
    if (next === undefined) break;
  }
  return found;
}

/** How objects are together with the Pods of their deployment. Pure. */
export function judged(seen: readonly SeenObject[], pods: readonly LiveObject[]): Inspection {
  const standings = seen.map((each) => ({ ...each, standing: judgeOne(each, pods) }));
  const { health, message, failed } = combined(
    standings.map(({ type, name, standing: own }) => ({ ...own, title: titleOf(type, name) })),
  );
  const processes = new Map<string, ObservedProcess>();
  for (const { object, standing: own } of standings) {
    const process = processOf(object);
    if (process === undefined || !own.runs) continue;
    const replicas = pods.filter((pod) => processOf(pod) === process && isCurrentPod(pod));
    const isWell = own.health === "healthy" || own.health === "stopped";
    processes.set(process, {
      current: replicas.length,
      ready: replicas.filter(isReadyPod).length,
      message: isWell ? "" : own.message,
    });
  }
  return { health, message, failed, processes: Object.fromEntries(processes) };
}

function judgeOne({ type, object }: SeenObject, pods: readonly LiveObject[]): Standing {
  if (object === undefined) {
    // Jobs that have ended may be cleared away.
    if (type.kind === "Job") return standing("healthy");
    return standing("unhealthy", "it is not there", { runs: workloadKinds.has(type.kind) });
  }
  const own = standingOf(object, type);
  return own.runs ? withPods(own, podsBelow(object, pods).map(podStanding)) : own;
}

const workloadKinds: ReadonlySet<string> = new Set([
  "Deployment",
  "StatefulSet",
  "DaemonSet",
  "CronJob",
  "HelmRelease",
  "Application",
]);

/** The Pods that tell why a workload is not well: those of its newest template; all that a chart made. */
function podsBelow(object: LiveObject, pods: readonly LiveObject[]): LiveObject[] {
  const { [labels.process]: process, [labels.variant]: variant } = object.metadata.labels ?? {};
  if (process === undefined) return pods.filter((pod) => pod.metadata.labels?.[labels.process] === undefined);
  const template = fieldsOf(fieldsOf(fieldsOf(object.spec).template).metadata);
  const release = textOf(fieldsOf(template.labels)[labels.release]);
  return pods.filter(({ metadata }) => {
    const own = metadata.labels ?? {};
    const isOfNow = release === "" || own[labels.release] === release;
    return own[labels.process] === process && own[labels.variant] === variant && isOfNow && isCurrent(metadata);
  });
}

const isCurrent = ({ deletionTimestamp }: LiveObject["metadata"]): boolean => deletionTimestamp === undefined;

/** The process of an object of the active release. */
function processOf(object: LiveObject | undefined): string | undefined {
  const { [labels.process]: process, [labels.variant]: variant } = object?.metadata.labels ?? {};
  return variant === "active" ? process : undefined;
}
