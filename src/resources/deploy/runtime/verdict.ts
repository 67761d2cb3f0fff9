import type { ResourceType } from "../../../kube/objects.js";
import { judged, type SeenObject } from "../engine/inspect.js";
import { pods, statefulSets, workloadDeployments } from "../engine/kinds.js";
import { labels, statusAnnotation } from "../engine/labels.js";
import { fieldsOf, type LiveObject } from "../engine/standing-facts.js";
import type { InventoryEntry } from "../spec/content.js";
import { isEngineObject, isOf, mayBeGone, typeOf } from "./kinds.js";
import type { Seen, Subject } from "./store.js";

/** An object and of which type it is. */
export interface SeenLive {
  readonly type: ResourceType;
  readonly object: LiveObject;
}

/** What is seen of a deployment on its target. */
export interface View {
  /** The types that were looked at. */
  readonly types: readonly ResourceType[];
  readonly objects: readonly SeenLive[];
  /** Whether these are all. */
  readonly isComplete: boolean;
  /** Why they cannot be seen; empty when they can. */
  readonly problem: string;
}

/** How a deployment is. */
export interface Verdict extends Seen {
  /** Whether it is so only where others changed it, or as long as what was applied last was not seen. */
  readonly isDoubtful: boolean;
}

/** A deployment of which nothing is known; what was last seen of its processes stays to be read. */
export const unknown = ({ observed, reported }: Subject, healthMessage: string): Seen => ({
  health: "unknown",
  healthMessage,
  observed,
  reported,
});

const longestReport = 1_000;

/** Tells from its objects how a deployment is. Pure. */
export function verdictOf(subject: Subject, view: View): Verdict {
  const own = subject.inventory.filter(({ target }) => target === subject.target);
  if (subject.stopped === "uninstalled") return certain({ ...silent, health: "stopped" });
  if (own.length === 0) return certain({ ...silent, health: "unknown", healthMessage: "nothing of it is applied yet" });
  if (view.problem !== "") return certain(unknown(subject, view.problem));
  const seen = seenOf(own, view);
  const missing = seen.filter(({ object }) => object === undefined);
  if (missing.length > 0 && !view.isComplete) {
    return certain(unknown(subject, "its target has more objects than are followed: some are not seen"));
  }
  const isBusy = subject.phase === "working" || subject.phase === "deleting";
  const there = isBusy ? seen.filter(({ object }) => object !== undefined) : seen;
  const livePods = view.objects.filter(({ type }) => type === pods).map(({ object }) => object);
  const { health, message, processes } = judged(there, livePods);
  const changed = subject.phase === "idle" ? changedSizes(subject, seen) : [];
  const sum = withChanges({ health, healthMessage: message }, { isBusy, missing, changed });
  return {
    ...(subject.stopped === "scaled" ? { health: "stopped", healthMessage: "" } : sum),
    observed: processes,
    reported: reportedBy(seen),
    isDoubtful: !isBusy && missing.length + changed.length > 0,
  };
}

const silent = { healthMessage: "", observed: {}, reported: "" };
const certain = (seen: Seen): Verdict => ({ ...seen, isDoubtful: false });

/** What was applied, as far as it can be told whether it is there; and what a chart has made. */
function seenOf(own: readonly InventoryEntry[], view: View): SeenObject[] {
  const applied = own
    .filter((entry) => view.types.some((type) => isOf(entry, type)))
    .map((entry) => ({ type: typeOf(entry), name: entry.name, object: objectOf(entry, view), entry }))
    .filter(({ entry, object }) => object !== undefined || !mayBeGone(entry));
  if (!own.some(isEngineObject)) return applied;
  const made = view.objects.filter(
    ({ type, object }) => type !== pods && !applied.some((each) => each.object === object),
  );
  return [...applied, ...made.map(({ type, object }) => ({ type, name: object.metadata.name, object }))];
}

const objectOf = (entry: InventoryEntry, { objects }: View): LiveObject | undefined =>
  objects.find(
    ({ type, object: { metadata } }) =>
      isOf(entry, type) && metadata.name === entry.name && (metadata.namespace ?? "") === entry.namespace,
  )?.object;

/** What is not there yet while a task works, and what others have changed, in what is said of the whole. */
function withChanges(
  sum: Pick<Seen, "health" | "healthMessage">,
  found: { readonly isBusy: boolean; readonly missing: readonly SeenObject[]; readonly changed: readonly string[] },
): Pick<Seen, "health" | "healthMessage"> {
  const { isBusy, missing, changed } = found;
  const isWell = sum.health === "healthy" || sum.health === "stopped";
  const [first] = missing;
  if (isBusy && first !== undefined && (isWell || sum.health === "unknown")) {
    return { health: "progressing", healthMessage: `${first.type.kind} ${first.name} is not there` };
  }
  if (changed.length === 0) return sum;
  const healthMessage = [sum.healthMessage, ...changed].filter((part) => part !== "").join("; ");
  return { health: isWell ? "degraded" : sum.health, healthMessage };
}

/** Workloads that have another size than is wanted. */
function changedSizes({ scale, stopped }: Subject, seen: readonly SeenObject[]): string[] {
  if (stopped !== "" || seen.some(({ object }) => !["active", undefined].includes(labelOf(object, labels.variant)))) {
    return [];
  }
  return seen.flatMap(({ type, name, object }) => {
    const process = labelOf(object, labels.process);
    if (object === undefined || process === undefined || !sizedKinds.has(type.kind)) return [];
    const entry = scale[process];
    if (entry?.autoscale !== undefined) return [];
    const wanted = entry?.stopped === true ? 0 : (entry?.replicas ?? 1);
    const { replicas = 1 } = fieldsOf(object.spec);
    if (replicas === wanted) return [];
    return [`${type.kind} ${name} was set to ${replicas} replicas on the target instead of ${wanted}`];
  });
}

const sizedKinds: ReadonlySet<string> = new Set([workloadDeployments.kind, statefulSets.kind]);

const labelOf = (object: LiveObject | undefined, label: string): string | undefined => object?.metadata.labels?.[label];

/** What objects say of themselves: in their own words when all say the same, else each with its name. */
function reportedBy(seen: readonly SeenObject[]): string {
  const told = seen
    .map(({ name, object }) => ({
      title: labelOf(object, labels.process) ?? name,
      text: object?.metadata.annotations?.[statusAnnotation] ?? "",
    }))
    .filter(({ text }) => text !== "")
    .sort((a, b) => (a.title < b.title ? -1 : 1));
  const texts = new Set(told.map(({ text }) => text));
  const all = texts.size === 1 ? [...texts] : told.map(({ title, text }) => `${title}: ${text}`);
  return all.join("; ").slice(0, longestReport);
}
