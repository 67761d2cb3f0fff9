import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import type { KubeObject } from "../../../kube/objects.js";
import { labels } from "../engine/labels.js";
import { isEngineObject } from "./kinds.js";
import { type RuntimeScope, runtimeStore, type Subject } from "./store.js";

/** The deployment that a request names; throws "missing" when the caller reaches none. */
export async function subjectOf(db: Database, scope: RuntimeScope): Promise<Subject> {
  const [subject] = await runtimeStore.inScope(db, scope);
  if (subject === undefined) throw new DomainError("missing", `deployment ${scope.deployment} does not exist`);
  return subject;
}

/** Whether what a deployment runs is a chart. */
export const isChart = ({ inventory }: Pick<Subject, "inventory">): boolean => inventory.some(isEngineObject);

/** A Namespace of a target. */
export interface NamespacePlace {
  readonly target: string;
  readonly namespace: string;
}

/** Where objects of a deployment may be: more than one place while it moves. */
export function placesOf({ target, namespace, inventory }: Subject): NamespacePlace[] {
  const all = new Map<string, NamespacePlace>();
  for (const place of [{ target, namespace }, ...inventory]) {
    all.set(`${place.target} ${place.namespace}`, { target: place.target, namespace: place.namespace });
  }
  return [...all.values()];
}

/** Selects what a chart makes, by the label that charts put on their objects by convention. */
export const madeByChart = (objectName: string): string => `${labels.instance}=${objectName},!${labels.deployment}`;

/** The label selectors of a deployment's objects: what Slipway applies, and what charts make. */
export function selectorsOf(subject: Subject): string[] {
  const own = `${labels.deployment}=${subject.id}`;
  return isChart(subject) ? [own, madeByChart(subject.objectName)] : [own];
}

/** Whether an object, found where the deployment may have some, says that it is of it. */
export function isOwn(subject: Subject, { metadata }: KubeObject): boolean {
  const { [labels.deployment]: deployment, [labels.instance]: instance } = metadata.labels ?? {};
  if (deployment !== undefined) return deployment === subject.id;
  return isChart(subject) && instance === subject.objectName && metadata.namespace === subject.namespace;
}
