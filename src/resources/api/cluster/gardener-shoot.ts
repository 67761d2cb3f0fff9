import { createHash } from "node:crypto";
import type { GardenerSettings } from "./gardener-settings.js";
import { keys, type Shoot, type ShootSpec, type ShootStatus, type ShootWorker } from "./gardener-types.js";
import type { ClusterObservation, ClusterSpec, MaintenanceSpec, WorkerSpec } from "./kube.js";

/**
 * The name of a project at Gardener: 9 characters, for Gardener allows 21 together with the name of a Shoot,
 * which has up to 12.
 */
export function gardenerProjectName(project: string): string {
  const number = BigInt(`0x${createHash("sha256").update(project).digest("hex")}`);
  return `p${number.toString(36).padStart(8, "0").slice(-8)}`;
}

/** The Shoot that Slipway applies; `current` is the one that is there already. */
export function shootOf(
  spec: ClusterSpec,
  namespace: string,
  settings: GardenerSettings,
  current: Shoot | undefined,
): Shoot {
  const uid = current?.metadata.uid;
  return {
    metadata: {
      name: spec.name,
      namespace,
      // With the uid an apply that comes too late cannot bring back a Shoot that was deleted meanwhile.
      ...(uid === undefined ? {} : { uid }),
      labels: { [keys.cluster]: spec.id, [keys.project]: spec.project, [keys.partition]: spec.partition },
      annotations: { [keys.tenant]: spec.tenant },
    },
    spec: shootSpecOf(spec, settings, current?.spec.kubernetes.version),
  };
}

function shootSpecOf(spec: ClusterSpec, settings: GardenerSettings, running: string | undefined): ShootSpec {
  const { provider, networking, cloudProfile, region } = settings;
  const purpose = spec.purpose ?? settings.purpose;
  const fill = (config: Readonly<Record<string, unknown>>) => filledIn(config, spec) as Record<string, unknown>;
  return {
    cloudProfile: { kind: cloudProfile.kind ?? "CloudProfile", name: cloudProfile.name },
    credentialsBindingName: settings.credentialsBinding.name,
    region,
    ...(purpose === undefined ? {} : { purpose }),
    kubernetes: { version: newerOf(spec.kubernetesVersion, running) },
    ...(networking === undefined ? {} : { networking: { ...networking } }),
    maintenance: maintenanceOf(spec.maintenance),
    provider: {
      type: provider.type,
      ...(provider.infrastructureConfig && { infrastructureConfig: fill(provider.infrastructureConfig) }),
      ...(provider.controlPlaneConfig && { controlPlaneConfig: fill(provider.controlPlaneConfig) }),
      workers: spec.workers.map((worker) => workerOf(worker, settings)),
    },
  };
}

/** What runs may have been raised at the backend; writing back the older version would be refused for ever. */
export function newerOf(wanted: string, running: string | undefined): string {
  if (running === undefined) return wanted;
  const [a, b] = [wanted, running].map((version) => version.replace(/^v/, "").split(".").map(Number));
  for (const i of [0, 1, 2]) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0);
    if (difference !== 0) return difference > 0 ? wanted : running;
  }
  return wanted;
}

function workerOf(worker: WorkerSpec, { machineImage, volume, zones }: GardenerSettings): ShootWorker {
  const { maxSurge, maxUnavailable } = worker;
  return {
    name: worker.name,
    machine: { type: worker.machineType, ...(machineImage && { image: { ...machineImage } }) },
    minimum: worker.minSize,
    maximum: worker.maxSize,
    // Gardener refuses both at 0, which is what a caller sends who does not care.
    ...(maxSurge === 0 && maxUnavailable === 0 ? {} : { maxSurge, maxUnavailable }),
    ...(volume && { volume: { ...volume } }),
    ...(zones && { zones: [...zones] }),
  };
}

function maintenanceOf(maintenance: MaintenanceSpec): ShootSpec["maintenance"] {
  const { begin, durationSeconds } = maintenance;
  const end = new Date(begin.getTime() + durationSeconds * 1000);
  return {
    autoUpdate: {
      kubernetesVersion: maintenance.kubernetesAutoupdate,
      machineImageVersion: maintenance.machineImageAutoupdate,
    },
    timeWindow: { begin: timeOfDay(begin), end: timeOfDay(end) },
  };
}

/** HHMMSS+0000. */
function timeOfDay(date: Date): string {
  return `${date.toISOString().slice(11, 19).replaceAll(":", "")}+0000`;
}

/** A value of the settings in which `${project}`, `${partition}`, `${cluster}` and `${name}` are filled in. */
export function filledIn(value: unknown, spec: ClusterSpec): unknown {
  if (typeof value === "string") {
    const values: Record<string, string> = {
      project: spec.project,
      partition: spec.partition,
      cluster: spec.id,
      name: spec.name,
    };
    return value.replace(/\$\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
  }
  if (Array.isArray(value)) return value.map((item) => filledIn(item, spec));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, filledIn(item, spec)]));
}

/** What a Shoot says about its cluster; undefined when it is not one of Slipway's. */
export function observationOf(shoot: Shoot, gone = false): ClusterObservation | undefined {
  const { metadata, status = {} } = shoot;
  const id = metadata.labels?.[keys.cluster];
  if (id === undefined) return undefined;
  const conditions = (status.conditions ?? []).map((condition) => ({
    type: condition.type,
    status: condition.status,
    reason: condition.reason ?? "",
    message: condition.message ?? "",
    lastTransitionTime: condition.lastTransitionTime,
    lastUpdateTime: condition.lastUpdateTime,
  }));
  const ready = (type: string) => conditions.find((condition) => condition.type === type)?.status ?? "Unknown";
  return {
    id,
    gone,
    version: metadata.resourceVersion ?? "0",
    ...operationOf(shoot, gone),
    conditions: gone ? [] : conditions,
    lastErrors: gone ? [] : lastErrorsOf(status),
    apiServerReady: ready("APIServerAvailable"),
    controlPlaneReady: ready("ControlPlaneHealthy"),
    nodesReady: ready("EveryNodeReady"),
    systemComponentsReady: ready("SystemComponentsHealthy"),
    seed: status.seedName,
    labels: metadata.labels ?? {},
    kubernetesVersion: shoot.spec.kubernetes.version,
    lastUpdateTime: status.lastOperation?.lastUpdateTime,
  };
}

type Operation = Pick<ClusterObservation, "type" | "state" | "progress" | "description">;

const types: Readonly<Record<string, Operation["type"]>> = {
  Create: "Create",
  Reconcile: "Reconcile",
  Delete: "Delete",
  // A cluster whose control plane moves is being reconciled, as far as its owner is concerned.
  Migrate: "Reconcile",
  Restore: "Reconcile",
};
const states: readonly string[] = ["Pending", "Processing", "Succeeded", "Error", "Failed", "Aborted"];

function operationOf({ metadata, status }: Shoot, gone: boolean): Operation {
  if (gone) return { type: "Delete", state: "Succeeded", progress: 100, description: "The cluster has been deleted." };
  const last = status?.lastOperation;
  const type = types[last?.type ?? ""] ?? "Create";
  const state = states.includes(last?.state ?? "") ? (last?.state as Operation["state"]) : "Pending";
  const pending = { state: "Pending", progress: 0, description: "Waiting for Gardener." } as const;
  if (metadata.deletionTimestamp !== undefined && type !== "Delete") return { type: "Delete", ...pending };
  if (last === undefined) return { type, ...pending };
  // Until Gardener has seen the newest spec, its last word is about an older one.
  const stale = status?.observedGeneration !== undefined && status.observedGeneration < (metadata.generation ?? 0);
  if (stale && (state === "Succeeded" || state === "Failed" || state === "Aborted")) {
    return { type: type === "Create" && state === "Succeeded" ? "Reconcile" : type, ...pending };
  }
  // Deleted is what no longer exists; until the last finalizer goes there may still be work.
  if (type === "Delete" && state === "Succeeded") return { type, ...pending, state: "Processing", progress: 99 };
  const progress = Math.min(100, Math.max(0, Math.round(last.progress ?? 0)));
  return { type, state, progress, description: last.description ?? "" };
}

function lastErrorsOf(status: ShootStatus): ClusterObservation["lastErrors"] {
  return (status.lastErrors ?? []).map(({ description, taskID, codes, lastUpdateTime }) => ({
    description: description ?? "",
    taskId: taskID,
    codes: codes ?? [],
    lastUpdateTime,
  }));
}
