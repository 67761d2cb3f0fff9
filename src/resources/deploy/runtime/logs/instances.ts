import type { Logger } from "pino";
import type { KubeClient } from "../../../../kube/client.js";
import { follow } from "../../../../kube/informer.js";
import { type KubeObject, pods } from "../../../../kube/objects.js";
import { isRecord } from "../../../../record.js";
import { labels } from "../../engine/labels.js";
import { listAll } from "../list-all.js";

/** A pod of a deployment, as far as logs go. */
export interface LogInstance {
  readonly name: string;
  /** Another one may bear the name later. */
  readonly uid: string;
  /** ISO 8601, whole seconds; empty where it is not told. */
  readonly createdAt: string;
  /** Empty for a chart. */
  readonly process: string;
  /** In the order of the pod's spec. */
  readonly containers: readonly string[];
}

/** Where the pods of a deployment are. */
export interface PodSelection {
  readonly namespace: string;
  readonly labelSelector: string;
}

const mostPageBytes = 8 * 1024 * 1024;

/** The pods that are there now. Throws KubeError. */
export async function listInstances(
  client: KubeClient,
  selection: PodSelection,
  signal: AbortSignal,
): Promise<LogInstance[]> {
  const found: LogInstance[] = [];
  for await (const pod of listAll(client, pods, { ...selection, signal })) found.push(instanceOf(pod));
  return found;
}

/** What is told of the pods of a deployment. */
export interface InstanceListener {
  /** One is there; perhaps not for the first time. */
  there(instance: LogInstance): void;
  /** It is not there any more. */
  gone(name: string): void;
}

/** Tells of pods as they come and go, until the signal aborts. */
export function followInstances(
  client: KubeClient,
  selection: PodSelection,
  listener: InstanceListener,
  { signal, log }: { readonly signal: AbortSignal; readonly log: Logger },
): Promise<void> {
  const known = new Set<string>();
  const there = (pod: KubeObject): void => {
    known.add(pod.metadata.name);
    listener.there(instanceOf(pod));
  };
  const gone = (name: string): void => {
    if (known.delete(name)) listener.gone(name);
  };
  return follow<KubeObject>({
    client,
    type: pods,
    ...selection,
    maxPageBytes: mostPageBytes,
    onSync(items) {
      const names = new Set(items.map(({ metadata }) => metadata.name));
      for (const name of [...known].filter((one) => !names.has(one))) gone(name);
      for (const pod of items) there(pod);
    },
    onEvent({ type, object }) {
      if (type === "DELETED") gone(object.metadata.name);
      else there(object);
    },
    signal,
    log,
  });
}

function instanceOf(pod: KubeObject): LogInstance {
  return {
    name: pod.metadata.name,
    uid: pod.metadata.uid ?? "",
    createdAt: pod.metadata.creationTimestamp ?? "",
    process: pod.metadata.labels?.[labels.process] ?? "",
    containers: containersOf(pod),
  };
}

function containersOf(pod: KubeObject & { readonly spec?: unknown }): string[] {
  const containers = isRecord(pod.spec) && Array.isArray(pod.spec.containers) ? pod.spec.containers : [];
  return containers.filter(isRecord).flatMap(({ name }) => (typeof name === "string" ? [name] : []));
}
