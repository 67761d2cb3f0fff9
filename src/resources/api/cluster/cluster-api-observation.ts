import {
  type CapiCluster,
  type CapiClusterStatus,
  type CapiReplicas,
  type CapiWorkers,
  capiKeys,
} from "./cluster-api-types.js";
import { keys } from "./gardener-types.js";
import type { ClusterCondition, ClusterLastError, ClusterObservation } from "./kube.js";

type Operation = Pick<ClusterObservation, "type" | "state" | "progress" | "description" | "lastErrors">;

/** Conditions that are no aspect of health: of these, True says that something is going on. */
const activities: readonly string[] = ["RollingOut", "ScalingUp", "ScalingDown", "Remediating", "Deleting", "Paused"];
/** Reasons for which Cluster API itself takes a topology that is not reconciled for a fault. */
const faults: readonly string[] = ["ReconcileFailed", "ClusterClassNotReconciled"];
/** What a running cluster never loses in ordinary work, unlike its workers, which come and go. */
const foundations: readonly string[] = ["RemoteConnectionProbe", "InfrastructureReady", "ControlPlaneAvailable"];

/** What a Cluster says; undefined when it is not one of Slipway's. */
export function capiObservationOf(cluster: CapiCluster, gone = false): ClusterObservation | undefined {
  const { metadata, status = {} } = cluster;
  const id = metadata.labels?.[keys.cluster];
  if (id === undefined) return undefined;
  const ready = (...types: string[]) =>
    types.map((type) => conditionOf(status, type)?.status).find((found) => found !== undefined) ?? "Unknown";
  return {
    id,
    gone,
    version: metadata.resourceVersion ?? "0",
    ...operationOf(cluster, gone),
    conditions: gone ? [] : healthOf(status),
    apiServerReady: ready("RemoteConnectionProbe"),
    controlPlaneReady: ready("ControlPlaneAvailable"),
    nodesReady: ready("WorkersAvailable"),
    // What the first one says is the control plane's own; not every provider passes it on.
    systemComponentsReady: ready("ControlPlaneComponentsHealthy", "ControlPlaneMachinesReady"),
    seed: undefined,
    labels: metadata.labels ?? {},
    kubernetesVersion: cluster.spec.topology.version.replace(/^v/, ""),
    lastUpdateTime: lastUpdateOf(status),
  };
}

/** Whether a Cluster is available now, or has been before. */
export function hasBeenAvailable({ metadata, status = {} }: CapiCluster): boolean {
  return metadata.annotations?.[capiKeys.created] === "true" || holds(status, "Available");
}

function operationOf(cluster: CapiCluster, gone: boolean): Operation {
  const { metadata, status = {} } = cluster;
  if (gone) return done("Delete", "The cluster has been deleted.");
  if (metadata.deletionTimestamp !== undefined) return deletionOf(cluster);
  const created = metadata.annotations?.[capiKeys.created] === "true";
  const type = created ? "Reconcile" : "Create";
  if (status.conditions === undefined || isBehind(cluster)) {
    const description = cluster.spec.paused ? "The cluster is paused at its backend." : "Waiting for Cluster API.";
    return { type, state: "Pending", progress: 0, description, lastErrors: [] };
  }
  const fault = faultOf(status, created);
  const progress = created ? rolloutOf(status) : creationOf(status);
  if (fault !== undefined)
    return { type, state: "Error", progress, description: fault.description, lastErrors: [fault] };
  if (isSettled(status)) return done(type, created ? "The cluster is up to date." : "The cluster has been created.");
  return { type, state: "Processing", progress, description: activityOf(status, created), lastErrors: [] };
}

function done(type: Operation["type"], description: string): Operation {
  return { type, state: "Succeeded", progress: 100, description, lastErrors: [] };
}

/** What the status says is about an older spec; topology and cluster are looked after by different controllers. */
function isBehind({ metadata, status = {} }: CapiCluster): boolean {
  const topology = conditionOf(status, "TopologyReconciled")?.observedGeneration;
  return [status.observedGeneration, topology].some((seen) => seen !== undefined && seen < (metadata.generation ?? 0));
}

function isSettled(status: CapiClusterStatus): boolean {
  return (
    holds(status, "Available") &&
    (conditionOf(status, "TopologyReconciled")?.status ?? "True") === "True" &&
    !holds(status, "RollingOut") &&
    [status.controlPlane, status.workers].every(isComplete)
  );
}

function isComplete({ desiredReplicas = 0, ...counts }: CapiReplicas = {}): boolean {
  const { replicas = 0, readyReplicas = 0, upToDateReplicas = replicas } = counts;
  return replicas === desiredReplicas && readyReplicas >= desiredReplicas && upToDateReplicas >= desiredReplicas;
}

/**
 * A fault of the topology, or that a cluster which was available has lost what it stands on. `Available` alone says
 * neither: it is False whenever machines of the workers are on their way, also in a plain scale-up.
 */
function faultOf(status: CapiClusterStatus, created: boolean): ClusterLastError | undefined {
  const topology = conditionOf(status, "TopologyReconciled");
  const failed = topology?.status === "False" && faults.includes(topology.reason ?? "");
  const found = failed ? topology : created ? lossOf(status) : undefined;
  if (found === undefined) return undefined;
  const description = found.message || found.reason || "Cluster API names no reason.";
  return { description, taskId: found.type, codes: [], lastUpdateTime: found.lastTransitionTime };
}

function lossOf(status: CapiClusterStatus) {
  // The probe is patient; a control plane of one machine is away for a moment whenever that one is replaced.
  const excused = holds(status, "RollingOut") ? "ControlPlaneAvailable" : undefined;
  return foundations
    .filter((type) => type !== excused)
    .map((type) => conditionOf(status, type))
    .find((condition) => condition?.status === "False");
}

/** Infrastructure, first machine of the control plane, the others, the workers: each is a part of the way. */
function creationOf(status: CapiClusterStatus): number {
  const parts: [weight: number, done: number][] = [
    [20, holds(status, "InfrastructureReady") ? 1 : 0],
    [20, holds(status, "ControlPlaneInitialized") ? 1 : 0],
    [25, shareOf(status.controlPlane, "readyReplicas")],
    [34, shareOf(status.workers, "readyReplicas")],
  ];
  return Math.floor(parts.reduce((sum, [weight, share]) => sum + weight * share, 0));
}

function rolloutOf({ controlPlane, workers }: CapiClusterStatus): number {
  const shares = [controlPlane, workers].flatMap((one) => [
    shareOf(one, "upToDateReplicas"),
    shareOf(one, "readyReplicas"),
  ]);
  return Math.floor((99 * shares.reduce((sum, share) => sum + share, 0)) / shares.length);
}

/** From 0 to 1; of nothing, all is done only when Cluster API says that nothing is wanted. */
function shareOf(counts: CapiReplicas | undefined, what: "readyReplicas" | "upToDateReplicas"): number {
  const desired = counts?.desiredReplicas;
  if (desired === undefined) return 0;
  return desired === 0 ? 1 : Math.min(1, (counts?.[what] ?? 0) / desired);
}

function deletionOf({ spec, status = {} }: CapiCluster): Operation {
  // What is wanted in the status goes with its owners, so only the spec knows how many there were.
  const [left, all] = [machinesOf(status), machinesWanted(spec)];
  const deleting = conditionOf(status, "Deleting");
  const begun = deleting?.status === "True";
  return {
    type: "Delete",
    state: begun ? "Processing" : "Pending",
    // Deleted is what no longer exists; until the finalizer goes there may still be work.
    progress: begun ? Math.floor((90 * Math.max(0, all - left)) / all) : 0,
    description: (begun && deleting.message) || (begun ? "Deleting the cluster." : "Waiting for Cluster API."),
    lastErrors: [],
  };
}

const machinesOf = ({ controlPlane, workers }: CapiClusterStatus): number =>
  (controlPlane?.replicas ?? 0) + (workers?.replicas ?? 0);

/** At least 1: a control plane has a machine. */
function machinesWanted({ topology }: CapiCluster["spec"]): number {
  const sizes = topology.workers.machineDeployments.map(sizeOf);
  return sizes.reduce((sum, size) => sum + size, Math.max(1, topology.controlPlane.replicas));
}

/** Without a number of its own, a group begins with as few as the autoscaler may leave. */
function sizeOf({ replicas, metadata }: CapiWorkers): number {
  return replicas ?? (Number(metadata.annotations?.[capiKeys.minSize]) || 0);
}

function activityOf(status: CapiClusterStatus, created: boolean): string {
  const rolling = conditionOf(status, "RollingOut");
  if (rolling?.status === "True" && rolling.message) return rolling.message;
  if (created)
    return isDown(status, "WorkersAvailable")
      ? "Waiting until all nodes are ready."
      : "Bringing the machines up to date.";
  if (!holds(status, "InfrastructureReady")) return "Creating the infrastructure.";
  if (!holds(status, "ControlPlaneInitialized")) return "Starting the control plane.";
  if (!holds(status, "ControlPlaneAvailable")) return "Waiting until all machines of the control plane are ready.";
  return "Waiting until all nodes have joined.";
}

function healthOf({ conditions = [] }: CapiClusterStatus): ClusterCondition[] {
  return conditions
    .filter(({ type }) => !activities.includes(type))
    .map(({ type, status, reason = "", message = "", lastTransitionTime }) => {
      return { type, status, reason, message, lastTransitionTime };
    });
}

function conditionOf({ conditions }: CapiClusterStatus, type: string) {
  return conditions?.find((condition) => condition.type === type);
}

function isDown(status: CapiClusterStatus, type: string): boolean {
  return conditionOf(status, type)?.status === "False";
}

function holds(status: CapiClusterStatus, type: string): boolean {
  return conditionOf(status, type)?.status === "True";
}

/** The newest of the conditions; RFC 3339 in UTC sorts as text. */
function lastUpdateOf({ conditions = [] }: CapiClusterStatus): string | undefined {
  return conditions
    .flatMap(({ lastTransitionTime }) => lastTransitionTime ?? [])
    .sort()
    .at(-1);
}
