import { asFields, asNumber } from "../../fields.js";
import type { Fields, KubeObject, ObjectRef, ObjectStore, ResourceName } from "../../types.js";
import { deployments, ingresses, secrets, services } from "../names.js";
import { conditionOf, isDying } from "../objects.js";
import { contains, type Rendered } from "./charts.js";

const resources: Readonly<Record<string, ResourceName>> = {
  Deployment: deployments,
  Service: services,
  Ingress: ingresses,
  Secret: secrets,
};

/** What marks the objects of one release. */
export interface Marks {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

function refOf({ kind, metadata }: Rendered): ObjectRef | undefined {
  const resource = Object.hasOwn(resources, kind) ? resources[kind] : undefined;
  return resource && { ...resource, namespace: metadata.namespace, name: metadata.name };
}

/** Creates objects or brings them up to date. */
export async function install(
  store: ObjectStore,
  all: readonly Rendered[],
  { labels, annotations }: Marks,
): Promise<void> {
  for (const object of all) {
    const ref = refOf(object);
    if (ref === undefined) continue;
    const { apiVersion, kind, metadata, ...content } = object;
    const found = await store.modify(ref, (draft) => {
      draft.metadata.labels = { ...draft.metadata.labels, ...metadata.labels, ...labels };
      draft.metadata.annotations = { ...draft.metadata.annotations, ...annotations };
      for (const [name, value] of Object.entries(content)) draft[name] = laidOver(draft[name], value);
    });
    const mine = { ...metadata, labels: { ...metadata.labels, ...labels }, annotations: { ...annotations } };
    if (found === undefined) await store.create(ref, { apiVersion, kind, metadata: mine, ...content });
  }
}

/** The fields that are given; others that somebody else has set beside them stay. */
function laidOver(before: unknown, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return { ...asFields(before), ...(value as Fields) };
}

/** Deletes those of some objects that are not among others. */
export async function prune(
  store: ObjectStore,
  all: readonly Rendered[],
  kept: readonly Rendered[] = [],
): Promise<void> {
  const key = ({ kind, metadata }: Rendered) => `${kind}/${metadata.namespace}/${metadata.name}`;
  const names = new Set(kept.map(key));
  for (const object of all.filter((one) => !names.has(key(one)))) {
    const ref = refOf(object);
    if (ref !== undefined) await store.delete(ref);
  }
}

/** How an object is, in the words of Argo CD. */
export function healthOf(store: ObjectStore, object: Rendered): "Healthy" | "Progressing" | "Degraded" | "Missing" {
  const ref = refOf(object);
  const found = ref && store.get(ref);
  if (found === undefined || isDying(found)) return "Missing";
  if (object.kind !== "Deployment") return "Healthy";
  if (conditionOf(found, "Progressing")?.reason === "ProgressDeadlineExceeded") return "Degraded";
  return isRolledOut(found) ? "Healthy" : "Progressing";
}

function isRolledOut({ metadata, spec, status }: KubeObject): boolean {
  const wanted = asNumber(spec?.replicas ?? 1);
  const { observedGeneration, updatedReplicas, availableReplicas, replicas } = status ?? {};
  const counts = [updatedReplicas, availableReplicas, replicas].map(asNumber);
  return observedGeneration === metadata.generation && counts.every((count) => count === wanted);
}

/** Whether an object is as it was rendered. */
export function isInSync(store: ObjectStore, object: Rendered): boolean {
  const ref = refOf(object);
  const { metadata: _, ...content } = object;
  return ref !== undefined && contains(store.get(ref), content);
}
