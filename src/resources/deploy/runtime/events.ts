import type { KubeClient } from "../../../kube/client.js";
import { KubeError } from "../../../kube/errors.js";
import type { KubeObject } from "../../../kube/objects.js";
import { pods } from "../engine/kinds.js";
import { fieldsOf, type LiveObject, numberOf, textOf } from "../engine/standing-facts.js";
import { events as eventType, isMeant, replicaSets } from "./kinds.js";
import { listAll } from "./list-all.js";
import { listObjects, type ObjectReference, type ReadingOptions, reach } from "./objects.js";
import { placesOf, selectorsOf } from "./scope.js";
import type { Subject } from "./store.js";

/** A core Event about an object of a deployment. */
export interface FoundEvent {
  readonly about: ObjectReference;
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly count: number;
  readonly firstAt: Date;
  readonly lastAt: Date;
}

/** Which events. */
export interface EventFilter {
  /** Only those about this object. */
  readonly object: ObjectReference | undefined;
  readonly limit: number;
}

/** Kinds of whose objects others are made, which bear their name and then a dash. */
const parentKinds: ReadonlySet<string> = new Set([
  "Deployment",
  "StatefulSet",
  "DaemonSet",
  "ReplicaSet",
  "Job",
  "CronJob",
]);
const childKinds: ReadonlySet<string> = new Set(["Pod", "ReplicaSet", "Job"]);
/** What Kubernetes puts behind the dash, also for a Pod of a ReplicaSet of a Deployment. */
const childSuffix = /^-([a-z0-9]{1,10}-)?[a-z0-9]{1,10}$/;

/** Events about a deployment's objects and pods, also those that are gone, newest first. Throws "unavailable". */
export async function listEvents(
  subject: Subject,
  { object, limit }: EventFilter,
  options: ReadingOptions,
): Promise<FoundEvent[]> {
  const { signal } = options;
  const { project, target } = subject;
  const objects = await listObjects(subject, "", options);
  return await reach(options.targets, { project, id: target }, async (client) => {
    const names = [
      ...objects.map(({ type, name }) => keyOf(type.kind, name)),
      ...(await namesBelow(client, subject, signal)),
    ];
    const isAbout = aboutAny(new Set(names));
    const found: FoundEvent[] = [];
    for (const { namespace } of placesOf(subject).filter((place) => place.target === target)) {
      const fieldSelector = object === undefined ? undefined : `involvedObject.name=${object.name}`;
      for await (const event of listAll(client, eventType, { namespace, fieldSelector, signal })) {
        const one = eventOf(event);
        if (!isAbout(one.about) || !isSame(one.about, object)) continue;
        found.push(one);
        // Only the newest are kept, however many there are.
        if (found.length > 2 * limit) keepNewest(found, limit);
      }
    }
    keepNewest(found, limit);
    return found;
  });
}

function keepNewest(found: FoundEvent[], limit: number): void {
  found.sort((a, b) => b.lastAt.getTime() - a.lastAt.getTime());
  found.length = Math.min(found.length, limit);
}

/** What controllers have made: pods, and the ReplicaSets of Deployments where they can be seen. */
async function namesBelow(client: KubeClient, subject: Subject, signal: AbortSignal): Promise<string[]> {
  const found: string[] = [];
  for (const type of [pods, replicaSets]) {
    for (const labelSelector of selectorsOf(subject)) {
      try {
        for await (const { metadata } of listAll(client, type, {
          namespace: subject.namespace,
          labelSelector,
          signal,
        })) {
          found.push(keyOf(type.kind, metadata.name));
        }
      } catch (error) {
        const isHidden = error instanceof KubeError && (error.code === 403 || error.code === 404);
        if (!isHidden || type === pods) throw error;
      }
    }
  }
  return found;
}

const keyOf = (kind: string, name: string): string => `${kind} ${name}`;

/** Whether an event is about one of these objects, or about one that was made for one of them and is gone. */
function aboutAny(names: ReadonlySet<string>): (about: ObjectReference) => boolean {
  const parents = [...names].flatMap((key) => {
    const [kind = "", name = ""] = key.split(" ");
    return parentKinds.has(kind) ? [name] : [];
  });
  return ({ kind, name }) => {
    if (names.has(keyOf(kind, name))) return true;
    if (!childKinds.has(kind)) return false;
    return parents.some((parent) => name.startsWith(parent) && childSuffix.test(name.slice(parent.length)));
  };
}

const isSame = (about: ObjectReference, wanted: ObjectReference | undefined): boolean =>
  wanted === undefined || (isMeant(wanted, about) && about.name === wanted.name);

function eventOf(event: LiveObject): FoundEvent {
  const told: KubeObject & Record<string, unknown> = { ...event };
  const about = fieldsOf(told.involvedObject);
  const series = fieldsOf(told.series);
  const created = dateOf(event.metadata.creationTimestamp, new Date(0));
  const firstAt = dateOf(told.firstTimestamp ?? told.eventTime, created);
  return {
    about: { kind: textOf(about.kind), name: textOf(about.name), group: groupOf(textOf(about.apiVersion)) },
    type: textOf(told.type),
    reason: textOf(told.reason),
    message: textOf(told.message),
    count: Math.max(1, numberOf(told.count, numberOf(series.count, 1))),
    firstAt,
    lastAt: dateOf(told.lastTimestamp ?? series.lastObservedTime, firstAt),
  };
}

const groupOf = (apiVersion: string): string => (apiVersion.includes("/") ? (apiVersion.split("/")[0] ?? "") : "");

function dateOf(stamp: unknown, otherwise: Date): Date {
  const date = new Date(textOf(stamp));
  return Number.isNaN(date.getTime()) ? otherwise : date;
}
