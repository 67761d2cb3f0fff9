import { timestamp } from "../lifecycle.js";
import { positionOf } from "./steps.js";
import { type Cluster, type Condition, type Replicas, sizeOf } from "./types.js";

/** How many machines of a kind there are. */
export function replicas(desired: number, counts: Partial<Replicas> = {}): Replicas {
  return {
    desiredReplicas: desired,
    replicas: 0,
    readyReplicas: 0,
    availableReplicas: 0,
    upToDateReplicas: 0,
    ...counts,
  };
}

/** All that are wanted are there. */
export function complete(desired: number): Replicas {
  return replicas(desired, {
    replicas: desired,
    readyReplicas: desired,
    availableReplicas: desired,
    upToDateReplicas: desired,
  });
}

/** What the topology asks for. */
export function wanted({ spec }: Cluster): { controlPlane: number; workers: number } {
  const groups = spec.topology.workers?.machineDeployments ?? [];
  return {
    controlPlane: spec.topology.controlPlane?.replicas ?? 1,
    workers: groups.reduce((sum, group) => sum + sizeOf(group), 0),
  };
}

type Verdict = readonly [type: string, holds: boolean | undefined, reason: string, message: string];

/** Computes all conditions anew from the counts and the position; a fault makes the topology fail. */
export function refresh(draft: Cluster, observedGeneration: number, now: Date, fault?: string): void {
  const status = { ...draft.status, observedGeneration };
  const before = new Map((status.conditions ?? []).map((condition) => [condition.type, condition]));
  status.conditions = verdictsOf({ ...draft, status }, fault).map(([type, holds, reason, message]): Condition => {
    const value = holds === undefined ? "Unknown" : holds ? "True" : "False";
    const known = before.get(type);
    const lastTransitionTime = known?.status === value ? known.lastTransitionTime : timestamp(now);
    return { type, status: value, observedGeneration, reason, message, lastTransitionTime };
  });
  draft.status = status;
}

function verdictsOf(cluster: Cluster, fault: string | undefined): Verdict[] {
  const { operation } = positionOf(cluster) ?? { operation: "create" };
  const { initialization = {}, controlPlane = replicas(0), workers = replicas(0) } = cluster.status ?? {};
  const { infrastructureProvisioned = false, controlPlaneInitialized = false } = initialization;
  const deleting = operation === "delete";
  const reachable = controlPlaneInitialized ? !deleting || controlPlane.replicas > 0 : undefined;
  const [controlPlaneReady, workersReady] = [controlPlane, workers].map(isReady);
  const upToDate = isUpToDate(controlPlane) && isUpToDate(workers);
  const available =
    infrastructureProvisioned && reachable === true && controlPlaneReady && workersReady && !deleting && !fault;
  const simple = (type: string, holds: boolean | undefined, yes: string, no: string): Verdict => [
    type,
    holds,
    holds === undefined ? `${yes}Unknown` : holds ? yes : no,
    holds ? "" : `* ${type} does not hold`,
  ];
  return [
    [
      "Available",
      available,
      available ? "Available" : "NotAvailable",
      available ? "" : `* ${fault ?? "not all is ready"}`,
    ],
    topologyVerdict(operation, upToDate, fault),
    simple("InfrastructureReady", infrastructureProvisioned, "Ready", "NotReady"),
    simple("ControlPlaneInitialized", controlPlaneInitialized, "Initialized", "NotInitialized"),
    simple("ControlPlaneAvailable", controlPlaneReady, "Available", "NotAvailable"),
    simple("ControlPlaneMachinesReady", controlPlaneReady, "Ready", "NotReady"),
    simple("WorkersAvailable", workersReady, "Available", "NotAvailable"),
    simple("RemoteConnectionProbe", reachable, "ProbeSucceeded", "ProbeFailed"),
    activity("RollingOut", operation === "update" && !upToDate, "Rolling out machines that are not up to date."),
    activity("Deleting", deleting, "Waiting for machines, control plane and infrastructure to go."),
    activity("Paused", cluster.spec.paused === true, "The Cluster is paused."),
  ];
}

function topologyVerdict(operation: string, upToDate: boolean, fault: string | undefined): Verdict {
  const type = "TopologyReconciled";
  if (fault !== undefined) return [type, false, "ReconcileFailed", fault];
  if (operation === "delete") return [type, false, "Deleting", "Cluster is deleting"];
  if (operation !== "update" || upToDate) return [type, true, "ReconcileSucceeded", ""];
  return [type, false, "MachineDeploymentsUpgradePending", "Machines are not up to date yet"];
}

function activity(type: string, going: boolean, message: string): Verdict {
  return [type, going, going ? type : `Not${type}`, going ? message : ""];
}

const isReady = (counts: Replicas) => counts.readyReplicas >= counts.desiredReplicas && counts.replicas > 0;
const isUpToDate = (counts: Replicas) => counts.upToDateReplicas >= counts.desiredReplicas;
