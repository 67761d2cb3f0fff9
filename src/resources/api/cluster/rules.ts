import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";
import type {
  ClusterServiceCreateRequest,
  ClusterServiceUpdateRequest,
  Maintenance,
  Worker,
  WorkerUpdate,
} from "../../../../gen/ts/api/v1/cluster_pb.js";
import { DomainError, type FieldViolation } from "../../../errors.js";
import type { Assets, PartitionAssets } from "../assets/assets.js";
import type { WorkerSpec } from "./kube.js";
import type { ClusterRow } from "./store.js";
import type { WantedCluster } from "./table.js";

/** 22:00 UTC for two hours, where the caller asks for nothing. */
const defaultMaintenance = { begin: new Date("2000-01-01T22:00:00Z"), seconds: 7_200 };

const mostWorkerGroups = 64;
/** More would not fit into the headers of an answer. */
const mostFaults = 20;

/** Completes a create request from the assets; throws "invalid" with every field that breaks a rule. */
export function wantedFromCreate(request: ClusterServiceCreateRequest, assets: Assets, now: Date): WantedCluster {
  refuse(countFaults(request.workers));
  const defaults = assets.defaults;
  const faults: FieldViolation[] = nameFaults(request.name);
  const partition = request.partition || (defaults?.partition ?? "");
  const offer = assets.ofPartition(partition);
  if (offer === undefined) {
    faults.push({ field: "partition", message: `must be one of ${assets.partitions.join(", ")}` });
  }
  const kubernetesVersion = request.kubernetes?.version || (defaults?.kubernetesVersion ?? "");
  if (offer !== undefined) faults.push(...versionFaults(kubernetesVersion, offer, now));
  const workers = request.workers.length > 0 ? request.workers.map(storedWorker) : [defaultWorker(assets)];
  faults.push(...groupFaults(workers), ...workers.flatMap((worker, i) => workerFaults(worker, i, offer)));
  faults.push(...sameNameFaults(workers), ...windowFaults(request.maintenance));
  const wanted = {
    partition,
    kubernetesVersion,
    workers,
    ...maintenanceOf(request.maintenance, {
      kubernetesAutoupdate: true,
      machineimageAutoupdate: true,
      maintenanceBegin: defaultMaintenance.begin,
      maintenanceSeconds: defaultMaintenance.seconds,
    }),
  };
  refuse(faults);
  return wanted;
}

/** Merges an update into what is wanted now; throws "invalid" with every field that breaks a rule. */
export function wantedFromUpdate(
  request: ClusterServiceUpdateRequest,
  current: ClusterRow,
  assets: Assets,
  now: Date,
): WantedCluster {
  refuse(countFaults(request.workers));
  const faults: FieldViolation[] = [];
  const offer = assets.ofPartition(current.partition);
  const kubernetesVersion = request.kubernetes?.version || current.kubernetesVersion;
  if (kubernetesVersion !== current.kubernetesVersion) {
    if (offer !== undefined) faults.push(...versionFaults(kubernetesVersion, offer, now));
    faults.push(...upgradeFaults(current.kubernetesVersion, kubernetesVersion));
  }
  const workers = mergeWorkers(current.workers, request.workers, assets);
  if (request.workers.length > 0) faults.push(...groupFaults(workers), ...sameNameFaults(request.workers));
  for (const [i, { name }] of request.workers.entries()) {
    const [before, after] = [current.workers, workers].map((groups) => groups.find((group) => group.name === name));
    // A machine type that is no longer on offer stays allowed where it runs.
    const kept = before !== undefined && before.machineType === after?.machineType;
    if (after !== undefined) faults.push(...workerFaults(after, i, kept ? undefined : offer));
  }
  faults.push(...windowFaults(request.maintenance));
  refuse(faults);
  return { partition: current.partition, kubernetesVersion, workers, ...maintenanceOf(request.maintenance, current) };
}

/** Why a cluster may not go from one Kubernetes version to the other: never down, never over a minor version. */
export function upgradeFaults(from: string, to: string): FieldViolation[] {
  const field = "kubernetes.version";
  const [fromParts, toParts] = [parseVersion(from), parseVersion(to)];
  if (fromParts === undefined || toParts === undefined) return [{ field, message: "must be like 1.33.5" }];
  const [major, minor, patch] = [0, 1, 2].map((i) => (toParts[i] ?? 0) - (fromParts[i] ?? 0));
  const sign = Math.sign(major || minor || patch || 0);
  if (sign < 0) return [{ field, message: `must not be lower than the present version ${from}` }];
  if (major !== 0 || (minor ?? 0) > 1) return [{ field, message: `must not skip a minor version after ${from}` }];
  return [];
}

function parseVersion(text: string): readonly number[] | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)$/.exec(text);
  return match?.slice(1).map(Number);
}

function versionFaults(version: string, offer: PartitionAssets, now: Date): FieldViolation[] {
  const offered = offer.kubernetesVersions(now);
  if (offered.includes(version)) return [];
  return [{ field: "kubernetes.version", message: `must be one of ${offered.join(", ")}` }];
}

/** Backends name their objects after the cluster, so only one label of a host name will do. */
function nameFaults(name: string): FieldViolation[] {
  if (/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(name) && !name.includes("--")) return [];
  const rule = "must be lower case letters, digits and single dashes, and neither begin nor end with a dash";
  return [{ field: "name", message: rule }];
}

/** Asked first: what follows compares groups with each other. */
function countFaults(workers: readonly unknown[]): FieldViolation[] {
  if (workers.length <= mostWorkerGroups) return [];
  return [{ field: "workers", message: `must be at most ${mostWorkerGroups} groups` }];
}

function groupFaults(workers: readonly WorkerSpec[]): FieldViolation[] {
  if (workers.length > mostWorkerGroups) return countFaults(workers);
  // The platform's own components need a machine to run on.
  if (workers.some(({ minSize }) => minSize > 0)) return [];
  return [{ field: "workers", message: "must have a group whose minsize is at least 1" }];
}

function sameNameFaults(workers: readonly { readonly name: string }[]): FieldViolation[] {
  const names = new Set<string>();
  return workers.flatMap(({ name }, i) => {
    if (names.has(name)) return [{ field: `workers[${i}].name`, message: "is used by another worker group" }];
    names.add(name);
    return [];
  });
}

function workerFaults(worker: WorkerSpec, i: number, offer: PartitionAssets | undefined): FieldViolation[] {
  const faults: FieldViolation[] = [];
  const fault = (name: string, message: string) => faults.push({ field: `workers[${i}].${name}`, message });
  if (!/^[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?$/.test(worker.name)) {
    fault("name", "must be at most 15 lower case letters, digits and dashes");
  }
  if (offer !== undefined && !Object.hasOwn(offer.machineTypes, worker.machineType)) {
    fault("machine_type", `must be one of ${Object.keys(offer.machineTypes).join(", ")}`);
  }
  if (worker.minSize > worker.maxSize) fault("minsize", "must not be greater than maxsize");
  if (worker.maxSize === 0) fault("maxsize", "must be at least 1");
  if (worker.maxSurge === 0 && worker.maxUnavailable === 0) {
    fault("maxsurge", "must be at least 1 when maxunavailable is 0");
  }
  return faults;
}

function storedWorker(worker: Worker): WorkerSpec {
  const { name, machineType, minsize, maxsize, maxsurge, maxunavailable } = worker;
  // Both zero means that the caller did not choose: roll one machine at a time.
  const maxSurge = maxsurge === 0 && maxunavailable === 0 ? 1 : maxsurge;
  return { name, machineType, minSize: minsize, maxSize: maxsize, maxSurge, maxUnavailable: maxunavailable };
}

function defaultWorker(assets: Assets): WorkerSpec {
  const defaults = assets.defaults;
  return {
    name: "group-0",
    machineType: defaults?.machineType ?? "",
    minSize: defaults?.workerMin ?? 1,
    maxSize: defaults?.workerMax ?? 1,
    maxSurge: 1,
    maxUnavailable: 0,
  };
}

/** Groups that are named are changed, or added; groups that are not named stay. */
function mergeWorkers(
  current: readonly WorkerSpec[],
  updates: readonly WorkerUpdate[],
  assets: Assets,
): readonly WorkerSpec[] {
  const merged = new Map(current.map((worker) => [worker.name, worker]));
  for (const update of updates) {
    const base = merged.get(update.name) ?? { ...defaultWorker(assets), name: update.name };
    merged.set(update.name, {
      name: update.name,
      machineType: update.machineType ?? base.machineType,
      minSize: update.minsize ?? base.minSize,
      maxSize: update.maxsize ?? base.maxSize,
      maxSurge: update.maxsurge ?? base.maxSurge,
      maxUnavailable: update.maxunavailable ?? base.maxUnavailable,
    });
  }
  return [...merged.values()];
}

type MaintenanceColumns = Pick<
  WantedCluster,
  "kubernetesAutoupdate" | "machineimageAutoupdate" | "maintenanceBegin" | "maintenanceSeconds"
>;

/** What the request leaves out stays as it is. */
function maintenanceOf(asked: Maintenance | undefined, current: MaintenanceColumns): MaintenanceColumns {
  const window = asked?.timeWindow;
  return {
    kubernetesAutoupdate: asked?.kubernetesAutoupdate ?? current.kubernetesAutoupdate,
    machineimageAutoupdate: asked?.machineimageAutoupdate ?? current.machineimageAutoupdate,
    maintenanceBegin: beginOf(window?.begin) ?? current.maintenanceBegin,
    maintenanceSeconds: secondsOf(window?.duration) ?? current.maintenanceSeconds,
  };
}

/** The range that google.protobuf.Timestamp is defined for; binary messages can hold more. */
function windowFaults(asked: Maintenance | undefined): FieldViolation[] {
  const { seconds, nanos } = asked?.timeWindow?.begin ?? { seconds: 0n, nanos: 0 };
  if (seconds >= -62_135_596_800n && seconds <= 253_402_300_799n && nanos >= 0 && nanos < 1_000_000_000) return [];
  return [{ field: "maintenance.time_window.begin", message: "must be between the years 1 and 9999" }];
}

/** Its date does not count; the databases and clients of the world agree on the years since 1970. */
function beginOf(begin: Timestamp | undefined): Date | undefined {
  if (begin === undefined) return undefined;
  // Down to the millisecond, for rounding up would leave the year 9999.
  const date = new Date(Number(begin.seconds) * 1000 + Math.floor(begin.nanos / 1e6));
  if (date.getTime() < 0) date.setUTCFullYear(2000, 0, 1);
  return date;
}

const secondsOf = (duration: Duration | undefined): number | undefined =>
  duration === undefined ? undefined : Number(duration.seconds);

function refuse(faults: readonly FieldViolation[]): void {
  if (faults.length === 0) return;
  const shown = faults.slice(0, mostFaults);
  const rest = faults.length > shown.length ? `; and ${faults.length - shown.length} more` : "";
  const text = shown.map(({ field, message }) => `${field}: ${message}`).join("; ") + rest;
  throw new DomainError("invalid", text, { violations: shown });
}
