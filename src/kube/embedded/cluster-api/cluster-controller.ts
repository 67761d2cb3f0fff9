import type { EmbeddedKube, KubeLog } from "../embedded-kube.js";
import { type Fault, faultOf, useUp } from "../gardener/faults.js";
import { type Controller, type Stage, startWalks } from "../walks.js";
import { addWorkers, type MachinePark, outdated, removeWorkers, syncControlPlane, syncWorkers } from "./machines.js";
import type { ClusterApiSimulatorOptions } from "./settings.js";
import { complete, refresh, replicas, wanted } from "./status.js";
import { type Operation, type Position, positionOf, setPosition, stepNames } from "./steps.js";
import { type Cluster, clusters, finalizer, type Replicas, virtualName } from "./types.js";
import type { VirtualClusters } from "./virtual.js";

/** What the controller works with. */
export interface ControllerOptions {
  readonly embedded: EmbeddedKube;
  readonly virtual: VirtualClusters;
  readonly clock: () => Date;
  readonly timeScale: number;
  readonly log: KubeLog;
  readonly machineTypes: ClusterApiSimulatorOptions["machineTypes"];
}

type Change = (draft: Cluster, now: Date) => void;

const beginMs = 300;
const faultMs = 2000;

/** Walks every Cluster through creation, updates and deletion. */
export function startClusterController(options: ControllerOptions): Controller {
  const { embedded, clock, timeScale, log } = options;
  return startWalks<Cluster>({
    store: embedded.store,
    resource: clusters,
    next: (cluster) => stageOf(options, cluster),
    opening: () => reopen(options),
    clock,
    timeScale,
    onError: (error, cluster) => log.error({ err: error, cluster }, "a step of the simulation failed"),
  });
}

/** The server's address may have changed since the last run. */
async function reopen({ embedded, virtual }: ControllerOptions): Promise<void> {
  for (const cluster of embedded.store.list(clusters) as Cluster[]) {
    if (cluster.spec.controlPlaneEndpoint === undefined || embedded.cluster(virtualName(cluster)) === undefined)
      continue;
    const endpoint = await virtual.open(cluster);
    const { name, namespace } = cluster.metadata;
    await embedded.store.modify({ ...clusters, name, namespace }, (draft) => moveTo(draft as Cluster, endpoint));
  }
}

function stageOf(options: ControllerOptions, cluster: Cluster): Stage<Cluster> | undefined {
  const { metadata, spec } = cluster;
  const position = positionOf(cluster);
  if (spec.paused) return undefined;
  if (metadata.deletionTimestamp !== undefined && position?.operation !== "delete") return beginning(options, "delete");
  if (position === undefined) return beginning(options, "create");
  if (position.operation !== "idle") return running(options, cluster, position);
  return position.generation < (metadata.generation ?? 0) ? beginning(options, "update") : undefined;
}

function beginning({ embedded }: ControllerOptions, operation: Operation): Stage<Cluster> {
  const change: Change = (draft, now) => {
    const generation = draft.metadata.generation ?? 0;
    setPosition(draft, operation, generation);
    if (operation !== "delete") want(draft, operation === "update" && outdated(embedded.store, draft).length > 0);
    draft.status = { ...draft.status, phase: phases[operation] };
    refresh(draft, generation, now);
  };
  return { key: `begin/${operation}`, ms: beginMs, carryOut: async () => change };
}

const phases = { create: "Provisioning", update: "Provisioned", delete: "Deleting" } as const;

/** Takes over the numbers of the topology; a rollout begins with no machine that is up to date. */
function want(draft: Cluster, rollout: boolean): void {
  const { controlPlane, workers } = wanted(draft);
  const next = (desired: number, before = replicas(0)) => ({
    ...before,
    desiredReplicas: desired,
    upToDateReplicas: rollout ? 0 : before.replicas,
  });
  draft.status = {
    ...draft.status,
    controlPlane: next(controlPlane, draft.status?.controlPlane),
    workers: next(workers, draft.status?.workers),
  };
}

function running(options: ControllerOptions, cluster: Cluster, position: Position): Stage<Cluster> {
  const { operation, step, next } = position;
  const name = step?.name ?? "";
  const failed = cluster.status?.conditions?.some(({ reason }) => reason === "ReconcileFailed") ?? false;
  if (failed) {
    const resume: Change = (draft, now) => refresh(draft, draft.metadata.generation ?? 0, now);
    return { key: `${operation}/${name}/resume`, ms: faultMs, carryOut: async () => resume };
  }
  const carryOut = async (): Promise<Change> => {
    const fault = faultOf(cluster, name, stepNames);
    if (fault !== undefined) return (draft, now) => strike(draft, fault, now);
    const outcome = await work(options, cluster, operation, name);
    return (draft, now) => {
      outcome(draft);
      if (next === undefined) finish(draft, position, now);
      else {
        setPosition(draft, operation as Operation, positionOf(draft)?.generation ?? position.generation, next);
        refresh(draft, draft.metadata.generation ?? 0, now);
      }
    };
  };
  return { key: `${operation}/${name}`, ms: step?.ms ?? 0, carryOut };
}

function strike(draft: Cluster, fault: Fault, now: Date): void {
  useUp(draft, fault);
  refresh(draft, draft.metadata.generation ?? 0, now, `${fault.step}: simulated fault ${fault.code}`);
}

function finish(draft: Cluster, { operation }: Position, now: Date): void {
  if (operation === "delete") {
    draft.metadata.finalizers = (draft.metadata.finalizers ?? []).filter((one) => one !== finalizer);
    return;
  }
  // A change that came meanwhile is still to be worked on; only then does the status speak of it.
  const generation = positionOf(draft)?.generation ?? 0;
  setPosition(draft, "idle", generation);
  draft.status = { ...draft.status, phase: "Provisioned" };
  refresh(draft, generation, now);
}

/** Does what a step stands for. Idempotent, for a step that was interrupted runs again. */
async function work(
  options: ControllerOptions,
  cluster: Cluster,
  operation: Position["operation"],
  step: string,
): Promise<(draft: Cluster) => void> {
  const { virtual } = options;
  const park = parkOf(options, cluster);
  const counts = wanted(cluster);
  const groups = cluster.spec.topology.workers?.machineDeployments ?? [];
  if (operation === "delete") return await takeDown(options, cluster, step);
  switch (step) {
    case "infrastructure":
      return initialized({ infrastructureProvisioned: true });
    case "control-plane": {
      const endpoint = await virtual.open(cluster);
      await syncControlPlane(parkOf(options, cluster), cluster, 1);
      const one = { replicas: 1, readyReplicas: 1, availableReplicas: 1, upToDateReplicas: 1 };
      return (draft) => {
        initialized({ controlPlaneInitialized: true })(draft);
        draft.status = { ...draft.status, controlPlane: replicas(counts.controlPlane, one) };
        moveTo(draft, endpoint);
      };
    }
    case "control-plane-machines":
      await syncControlPlane(park, cluster, counts.controlPlane);
      return (draft) => {
        draft.status = { ...draft.status, controlPlane: complete(counts.controlPlane) };
      };
    case "machine-deployments":
      await addWorkers(park, cluster, groups);
      return (draft) => {
        draft.status = { ...draft.status, workers: withAdded(counts.workers, draft.status?.workers) };
      };
    case "nodes":
      await syncWorkers(park, cluster, groups);
      return (draft) => {
        draft.status = { ...draft.status, workers: complete(counts.workers) };
      };
    default:
      return () => undefined;
  }
}

/** Machines that were missing are there, but have not joined; those that are too many are not yet gone. */
function withAdded(desired: number, before = replicas(0)): Replicas {
  const added = Math.max(0, desired - before.replicas);
  const upToDateReplicas = before.upToDateReplicas + added;
  return { ...before, desiredReplicas: desired, replicas: before.replicas + added, upToDateReplicas };
}

/** What is wanted in the status goes with the objects that want it. */
async function takeDown(options: ControllerOptions, cluster: Cluster, step: string): Promise<(draft: Cluster) => void> {
  const park = parkOf(options, cluster);
  const count = (part: "workers" | "controlPlane", left: Replicas) => (draft: Cluster) => {
    draft.status = { ...draft.status, [part]: left };
  };
  switch (step) {
    case "nodes":
      await removeWorkers(park, cluster);
      return count("workers", replicas(wanted(cluster).workers));
    case "machine-deployments":
      await syncWorkers(park, cluster, []);
      return count("workers", replicas(0));
    case "control-plane":
      await options.virtual.close(cluster);
      await syncControlPlane(parkOf(options, cluster), cluster, 0);
      return count("controlPlane", replicas(0));
    default:
      return () => undefined;
  }
}

function parkOf({ embedded, clock, machineTypes }: ControllerOptions, cluster: Cluster): MachinePark {
  const inside = embedded.cluster(virtualName(cluster))?.store;
  return { store: embedded.store, inside, machineTypes, now: clock() };
}

function initialized(what: NonNullable<NonNullable<Cluster["status"]>["initialization"]>): (draft: Cluster) => void {
  return (draft) => {
    draft.status = { ...draft.status, initialization: { ...draft.status?.initialization, ...what } };
  };
}

/** Writes the endpoint; the generation rises by that, but nobody has asked for anything else. */
function moveTo(draft: Cluster, endpoint: { host: string; port: number }): void {
  const { spec, metadata } = draft;
  const { host, port } = spec.controlPlaneEndpoint ?? {};
  if (host === endpoint.host && port === endpoint.port) return;
  spec.controlPlaneEndpoint = endpoint;
  const position = positionOf(draft);
  const generation = metadata.generation ?? 0;
  metadata.generation = generation + 1;
  if (position?.generation !== generation) return;
  setPosition(draft, position.operation, generation + 1, position.step);
  if (draft.status?.observedGeneration === generation) draft.status.observedGeneration = generation + 1;
}
