import { DomainError } from "../../../errors.js";
import { forbidden, KubeError, notFound, transient } from "../../../kube/errors.js";
import { pathOf, type ResourceType } from "../../../kube/objects.js";
import type { TargetClients } from "../deployment/works/clients.js";
import { inTurns, readLive } from "../engine/live.js";
import { type HealthName, standingOf } from "../engine/standing.js";
import type { LiveObject } from "../engine/standing-facts.js";
import type { InventoryEntry } from "../spec/content.js";
import { failureMessage } from "../target/failure.js";
import { chartListedTypes, isMeant, mayBeGone, shownTypes, typeOf } from "./kinds.js";
import { listAll } from "./list-all.js";
import { isChart, isOwn, selectorsOf } from "./scope.js";
import type { Subject } from "./store.js";

/** An object of a deployment and how it is. */
export interface FoundObject {
  readonly type: ResourceType;
  readonly name: string;
  readonly namespace: string;
  readonly health: HealthName;
  readonly message: string;
  /** Undefined for one that is not there. */
  readonly object: LiveObject | undefined;
}

/** How a request names an object. */
export interface ObjectReference {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
}

/** What reading objects needs. */
export interface ReadingOptions {
  readonly targets: TargetClients;
  readonly signal: AbortSignal;
}

const mostObjects = 2_000;

/** The objects of a deployment on its target, by kind and name; of one kind where it is not empty. Throws "unavailable". */
export async function listObjects(
  subject: Subject,
  kind: string,
  { targets, signal }: ReadingOptions,
): Promise<FoundObject[]> {
  const { target, project } = subject;
  const entries = subject.inventory.filter((entry) => entry.target === target && (kind === "" || entry.kind === kind));
  const places = placesToRead(subject, entries, kind);
  const live = await reach(targets, { project, id: target }, (client) =>
    inTurns(places, signal, async ({ type, namespace, labelSelector, isOptional }) => {
      const found: FoundObject[] = [];
      try {
        for await (const object of listAll(client, type, { namespace, labelSelector, signal })) {
          if (isOwn(subject, object)) found.push(foundObject(type, object));
          if (found.length > mostObjects)
            throw new DomainError("exhausted", `there are more than ${mostObjects} objects`);
        }
      } catch (error) {
        // The target does not serve it; or does not show it, and there may well be none.
        if (!notFound(error) && !(isOptional && forbidden(error))) throw error;
      }
      return found;
    }),
  );
  const there = new Map(live.flat().map((found) => [keyOf(found), found]));
  const missing = entries.filter((entry) => !mayBeGone(entry) && !there.has(keyOf({ ...entry, type: typeOf(entry) })));
  return [...there.values(), ...missing.map(missingObject)].sort(inOrder);
}

/** An object of a deployment; throws "missing" when there is none, or it is not of the deployment. */
export async function getObject(
  subject: Subject,
  reference: ObjectReference,
  options: ReadingOptions,
): Promise<FoundObject & { readonly object: LiveObject }> {
  const { kind, name } = reference;
  const missing = new DomainError("missing", `the deployment has no ${kind} ${name}`);
  const entry = subject.inventory.find(
    (each) => each.target === subject.target && isMeant(reference, each) && each.name === name,
  );
  const type = entry === undefined ? shownTypes.find((each) => isMeant(reference, each)) : typeOf(entry);
  if (type === undefined) throw missing;
  const namespace = entry?.namespace ?? subject.namespace;
  const place = { name, ...(namespace === "" ? {} : { namespace }) };
  const object = await reach(options.targets, { project: subject.project, id: subject.target }, (client) =>
    readLive(client, type, place, options.signal),
  );
  if (object === undefined || !isOwn(subject, object)) throw missing;
  return { ...foundObject(type, object), object };
}

/** Does something at a target; what fails there is told as callers may know it. */
export async function reach<T>(
  targets: TargetClients,
  target: Parameters<TargetClients["use"]>[0],
  work: Parameters<typeof targets.use<T>>[1],
): Promise<T> {
  try {
    return await targets.use(target, work);
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    const kind = transient(error) ? "unavailable" : "precondition";
    throw new DomainError(kind, `the target failed: ${failureMessage(error)}`, { cause: error });
  }
}

interface Place {
  readonly type: ResourceType;
  readonly namespace: string | undefined;
  readonly labelSelector: string;
  /** Whether nothing says that there is one. */
  readonly isOptional: boolean;
}

/** One list for each type and Namespace of the inventory, and of what a chart may have made. */
function placesToRead(subject: Subject, entries: readonly InventoryEntry[], kind: string): Place[] {
  const [own = "", made = ""] = selectorsOf(subject);
  const places = new Map<string, Place>();
  const add = (type: ResourceType, namespace: string, labelSelector: string): void => {
    const isOptional = labelSelector !== own;
    const place = { type, namespace: namespace === "" ? undefined : namespace, labelSelector, isOptional };
    places.set(`${pathOf(type, place.namespace)} ${labelSelector}`, place);
  };
  for (const entry of entries) add(typeOf(entry), entry.namespace, own);
  if (!isChart(subject)) return [...places.values()];
  const types = chartListedTypes.filter((type) => kind === "" || type.kind === kind);
  for (const type of types) add(type, subject.namespace, made);
  return [...places.values()];
}

function foundObject(type: ResourceType, object: LiveObject): FoundObject {
  const { name, namespace = "" } = object.metadata;
  const { health, message } = standingOf(object, type);
  return { type, name, namespace, health, message, object };
}

const missingObject = (entry: InventoryEntry): FoundObject => ({
  type: typeOf(entry),
  name: entry.name,
  namespace: entry.namespace,
  health: "unhealthy",
  message: "it is not there",
  object: undefined,
});

const keyOf = ({ type, namespace, name }: Pick<FoundObject, "type" | "namespace" | "name">): string =>
  [type.group, type.kind, namespace, name].join(" ");

const inOrder = (a: FoundObject, b: FoundObject): number => {
  const [x, y] = [a, b].map(({ type, name }) => `${type.kind} ${name}`);
  return (x ?? "") < (y ?? "") ? -1 : 1;
};
