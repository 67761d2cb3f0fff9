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
  // A control plane works as long as most of its machines do; workers must all be there, as nobody may be away.
  const quorum = controlPlaneInitialized && controlPlane.readyReplicas * 2 > controlPlane.replicas;
  const workersReady = workers.readyReplicas >= workers.desiredReplicas;
  const topology = topologyVerdict(operation, controlPlane, workers, fault);
  const parts: Verdict[] = [
    simple("RemoteConnectionProbe", reachable, "ProbeSucceeded", "ProbeFailed"),
    simple("InfrastructureReady", infrastructureProvisioned, "Ready", "NotReady"),
    simple("ControlPlaneAvailable", quorum, "Available", "NotAvailable"),
    workersVerdict(workersReady, workers),
  ];
  return [
    availableVerdict(deleting, fault === undefined ? parts : [...parts, topology]),
    topology,
    ...parts,
    simple("ControlPlaneInitialized", controlPlaneInitialized, "Initialized", "NotInitialized"),
    simple("ControlPlaneMachinesReady", isReady(controlPlane), "Ready", "NotReady"),
    ...activitiesOf(deleting, controlPlane, workers),
    activity("Paused", cluster.spec.paused === true, "The Cluster is paused."),
  ];
}

/** The summary: what does not hold, or is not known, keeps the Cluster from being available. */
function availableVerdict(deleting: boolean, parts: readonly Verdict[]): Verdict {
  const missing = parts.filter(([, holds]) => holds !== true);
  const available = missing.length === 0 && !deleting;
  const lines = missing.map(([type, , , message]) => `* ${type}: ${message.replace(/^\* /, "")}`);
  const message = deleting ? "* Deleting: the Cluster is being deleted" : lines.join("\n");
  return ["Available", available, available ? "Available" : "NotAvailable", message];
}

function simple(type: string, holds: boolean | undefined, yes: string, no: string): Verdict {
  const reason = holds === undefined ? `${yes}Unknown` : holds ? yes : no;
  return [type, holds, reason, holds ? "" : `* ${type} does not hold`];
}

function workersVerdict(holds: boolean, { readyReplicas, desiredReplicas }: Replicas): Verdict {
  const message = holds ? "" : `* MachineDeployments: ${readyReplicas} available replicas, ${desiredReplicas} required`;
  return ["WorkersAvailable", holds, holds ? "Available" : "NotAvailable", message];
}

/** What goes on with machines: a scale-up is over once they are made, whether or not their nodes have joined. */
function activitiesOf(deleting: boolean, ...counts: Replicas[]): Verdict[] {
  const any = (check: (one: Replicas) => boolean) => counts.some(check);
  return [
    activity("RollingOut", !deleting && any(isRollingOut), "Rolling out machines that are not up to date."),
    activity("ScalingUp", !deleting && any(isScalingUp), "Making the machines that are missing."),
    activity(
      "ScalingDown",
      any((one) => one.replicas > one.desiredReplicas),
      "Removing machines.",
    ),
    activity("Remediating", false, ""),
    activity("Deleting", deleting, "Waiting for machines, control plane and infrastructure to go."),
  ];
}

function topologyVerdict(
  operation: string,
  controlPlane: Replicas,
  workers: Replicas,
  fault: string | undefined,
): Verdict {
  const type = "TopologyReconciled";
  if (fault !== undefined) return [type, false, "ReconcileFailed", fault];
  if (operation === "delete") return [type, false, "Deleting", "Cluster is deleting"];
  if (operation !== "update" || ![controlPlane, workers].some(isRollingOut)) {
    return [type, true, "ReconcileSucceeded", ""];
  }
  const waiting = isRollingOut(controlPlane) ? "ControlPlaneUpgradePending" : "MachineDeploymentsUpgradePending";
  return [type, false, waiting, "Machines are not up to date yet"];
}

function activity(type: string, going: boolean, message: string): Verdict {
  return [type, going, going ? type : `Not${type}`, going ? message : ""];
}

const isReady = ({ readyReplicas, desiredReplicas, replicas }: Replicas) =>
  readyReplicas >= desiredReplicas && replicas > 0;
const isRollingOut = ({ upToDateReplicas, replicas }: Replicas) => upToDateReplicas < replicas;
const isScalingUp = ({ replicas, desiredReplicas }: Replicas) => replicas < desiredReplicas;
