import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type {
  Cluster,
  ClusterMonitoring,
  ClusterStatus,
  ClusterStatusCondition,
  ClusterStatusLastError,
  Worker,
} from "../../../../gen/ts/api/v1/cluster_pb.js";
import { durationOf, timestampOf } from "../../../timestamp.js";
import type { ClusterCondition, ClusterLastError, ClusterSpec, WorkerSpec } from "./kube.js";
import type { ListedCluster } from "./statements.js";
import type { ClusterRow } from "./store.js";

// Written out with their types, messages cost a fraction of what `create` takes: calls answer lists of them.

/** A cluster as the API shows it; dashboards only where they are given. */
export function clusterMessage(row: ListedCluster, monitoring?: Omit<ClusterMonitoring, "$typeName">): Cluster {
  return {
    $typeName: "api.v1.Cluster",
    uuid: row.id,
    name: row.name,
    project: row.project,
    partition: row.partition,
    kubernetes: { $typeName: "api.v1.KubernetesSpec", version: row.kubernetesVersion },
    workers: row.workers.map(workerMessage),
    maintenance: {
      $typeName: "api.v1.Maintenance",
      kubernetesAutoupdate: row.kubernetesAutoupdate,
      machineimageAutoupdate: row.machineimageAutoupdate,
      timeWindow: {
        $typeName: "api.v1.MaintenanceTimeWindow",
        begin: timestampOf(row.maintenanceBegin),
        duration: durationOf(row.maintenanceSeconds),
      },
    },
    tenant: row.tenant,
    createdAt: timestampOf(row.createdAt),
    updatedAt: timestampOf(row.updatedAt),
    deletedAt: row.deleteRequestedAt === null ? undefined : timestampOf(row.deleteRequestedAt),
    status: statusMessage(row),
    purpose: row.purpose ?? undefined,
    monitoring: monitoring && { $typeName: "api.v1.ClusterMonitoring", ...monitoring },
  };
}

/** The status of a cluster: its last operation and what Kubernetes says of its parts. */
export function statusMessage(row: ListedCluster): ClusterStatus {
  return {
    $typeName: "api.v1.ClusterStatus",
    uuid: row.id,
    progress: row.statusProgress,
    state: row.statusState,
    type: row.statusType,
    apiServerReady: row.apiServerReady,
    controlPlaneReady: row.controlPlaneReady,
    nodesReady: row.nodesReady,
    systemComponentsReady: row.systemComponentsReady,
    lastErrors: row.lastErrors.map(errorMessage),
    conditions: row.conditions.map(conditionMessage),
  };
}

/** What the backend is told of a cluster. */
export function clusterSpec(row: ClusterRow): ClusterSpec {
  return {
    id: row.id,
    name: row.name,
    project: row.project,
    tenant: row.tenant,
    partition: row.partition,
    kubernetesVersion: row.kubernetesVersion,
    workers: row.workers,
    maintenance: {
      kubernetesAutoupdate: row.kubernetesAutoupdate,
      machineImageAutoupdate: row.machineimageAutoupdate,
      begin: row.maintenanceBegin,
      durationSeconds: row.maintenanceSeconds,
    },
    ...(row.purpose === null ? {} : { purpose: row.purpose }),
  };
}

function workerMessage(worker: WorkerSpec): Worker {
  return {
    $typeName: "api.v1.Worker",
    name: worker.name,
    machineType: worker.machineType,
    minsize: worker.minSize,
    maxsize: worker.maxSize,
    maxsurge: worker.maxSurge,
    maxunavailable: worker.maxUnavailable,
  };
}

function errorMessage({ description, taskId, codes, lastUpdateTime }: ClusterLastError): ClusterStatusLastError {
  return {
    $typeName: "api.v1.ClusterStatusLastError",
    description,
    taskId,
    codes: [...codes],
    lastUpdateTime: timeOfText(lastUpdateTime),
  };
}

function conditionMessage(condition: ClusterCondition): ClusterStatusCondition {
  return {
    $typeName: "api.v1.ClusterStatusCondition",
    type: condition.type,
    status: condition.status,
    reason: condition.reason,
    statusMessage: condition.message,
    lastTransitionTime: timeOfText(condition.lastTransitionTime),
    lastUpdateTime: timeOfText(condition.lastUpdateTime),
  };
}

const timeOfText = (text: string | undefined): Timestamp | undefined =>
  text === undefined ? undefined : timestampOf(new Date(text));
