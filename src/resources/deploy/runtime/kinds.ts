import { invalidField } from "../../../errors.js";
import { pathOf, type ResourceType } from "../../../kube/objects.js";
import {
  autoscalers,
  configMaps,
  cronJobs,
  groupShown,
  jobs,
  persistentVolumeClaims,
  pods,
  secrets,
  services,
  statefulSets,
  workloadDeployments,
} from "../engine/kinds.js";
import type { InventoryEntry } from "../spec/content.js";

const core = (plural: string, kind: string): ResourceType => ({ group: "", version: "v1", plural, kind });

const daemonSets: ResourceType = { group: "apps", version: "v1", plural: "daemonsets", kind: "DaemonSet" };
/** ReplicaSets. */
export const replicaSets: ResourceType = { group: "apps", version: "v1", plural: "replicasets", kind: "ReplicaSet" };
/** Ingresses. */
export const ingresses: ResourceType = {
  group: "networking.k8s.io",
  version: "v1",
  plural: "ingresses",
  kind: "Ingress",
};

/** Core Events. */
export const events = core("events", "Event");

/** What is followed of deployments on every target, by the label that says whose it is. */
export const followedTypes: readonly ResourceType[] = [
  workloadDeployments,
  statefulSets,
  jobs,
  cronJobs,
  autoscalers,
  pods,
  persistentVolumeClaims,
  ingresses,
  services,
];

/** What is followed of charts, by the label that Helm charts put on their objects and pods. */
export const chartTypes: readonly ResourceType[] = [workloadDeployments, statefulSets, pods];

/** What is listed of charts: what may be among their objects, and is of use to people. */
export const chartListedTypes: readonly ResourceType[] = [
  workloadDeployments,
  statefulSets,
  daemonSets,
  jobs,
  cronJobs,
  autoscalers,
  ingresses,
  services,
  persistentVolumeClaims,
];

/** Types that can be asked for although no inventory has them: charts' objects, and what workloads make. */
export const shownTypes: readonly ResourceType[] = [
  ...chartListedTypes,
  pods,
  replicaSets,
  configMaps,
  secrets,
  core("serviceaccounts", "ServiceAccount"),
];

/** Kinds whose pods can be started anew. */
export const restartableTypes: readonly ResourceType[] = [workloadDeployments, statefulSets, daemonSets];

/** What tells nothing of how a deployment is, or is not to be carried around. */
const neverFollowed: ReadonlySet<string> = new Set(["secrets", "configmaps", "serviceaccounts", "events"]);
/** Most types that are followed on a target besides those that always are: each is a connection. */
const mostOthers = 16;

const isType = (one: Pick<ResourceType, "group" | "plural">, other: Pick<ResourceType, "group" | "plural">): boolean =>
  one.group === other.group && one.plural === other.plural;

/** Whether an entry of an inventory is of a type. */
export const isOf = (entry: InventoryEntry, type: ResourceType): boolean => isType(entry, type);

/** Whether a request that names a kind and perhaps a group means those. */
export const isMeant = (
  asked: { readonly group: string; readonly kind: string },
  { group, kind }: { readonly group: string; readonly kind: string },
): boolean => asked.kind === kind && (asked.group === group || asked.group === groupShown(group));

/** The type that a request means whose pods are to be started anew; throws "invalid" for one that has none. */
export function restartableOf(field: string, asked: { readonly group: string; readonly kind: string }): ResourceType {
  const type = restartableTypes.find((each) => isMeant(asked, each));
  if (type !== undefined) return type;
  throw invalidField(field, "must be Deployment, StatefulSet or DaemonSet");
}

/** The type of an entry of an inventory. */
export const typeOf = ({ group, version, plural, kind }: InventoryEntry): ResourceType => ({
  group,
  version,
  plural,
  kind,
});

/** The types of inventories that are followed besides those that always are. */
export function otherTypes(entries: Iterable<InventoryEntry>): ResourceType[] {
  const found = new Map<string, ResourceType>();
  for (const entry of entries) {
    if (found.size >= mostOthers) break;
    if (isOther(entry)) found.set(pathOf(typeOf(entry)), typeOf(entry));
  }
  return [...found.values()];
}

function isOther(entry: InventoryEntry): boolean {
  if (entry.group === "" && neverFollowed.has(entry.plural)) return false;
  return !followedTypes.some((type) => isType(entry, type));
}

/** Whether the object of an entry may be gone, and nothing is amiss: ended Jobs are cleared away. */
export const mayBeGone = (entry: InventoryEntry): boolean => isType(entry, jobs);

/** Whether an entry is what an engine makes a chart of. */
export const isEngineObject = ({ group }: Pick<InventoryEntry, "group">): boolean =>
  group === "helm.toolkit.fluxcd.io" || group === "argoproj.io";
