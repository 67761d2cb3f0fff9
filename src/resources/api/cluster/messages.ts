import type { Cluster, ClusterMonitoring, ClusterStatus } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { durationOf, timestampOf } from "../../../timestamp.js";
import type { ClusterSpec } from "./kube.js";
import { conditionMessages, errorMessages, workerMessages } from "./message-parts.js";
import type { ListedCluster } from "./statements.js";
import type { ClusterRow } from "./store.js";

// Written out with their types, messages cost a fraction of what `create` takes: calls answer lists of them.

/** A cluster as the API shows it; dashboards only where they are given. */
export function clusterMessage(row: ClusterRow, monitoring?: Omit<ClusterMonitoring, "$typeName">): Cluster {
  const { maintenanceBegin, createdAt, updatedAt, deleteRequestedAt } = row;
  const shown = {
    ...row,
    workers: workerMessages(row.workers),
    maintenanceBegin: timestampOf(maintenanceBegin),
    createdAt: timestampOf(createdAt),
    updatedAt: timestampOf(updatedAt),
    deleteRequestedAt: deleteRequestedAt && timestampOf(deleteRequestedAt),
  };
  return messageOf(shown, statusMessage(row), monitoring && { $typeName: "api.v1.ClusterMonitoring", ...monitoring });
}

/** The same of a cluster in a list, whose parts are messages already. */
export const listedMessage = (row: ListedCluster): Cluster => messageOf(row, statusOf(row), undefined);

/** The status of a cluster: its last operation and what Kubernetes says of its parts. */
export function statusMessage(row: ClusterRow): ClusterStatus {
  return statusOf({
    ...row,
    lastErrors: errorMessages(row.lastErrors),
    conditions: conditionMessages(row.conditions),
  });
}

type Shown = Omit<ListedCluster, "conditions" | "lastErrors">;

function messageOf(row: Shown, status: ClusterStatus, monitoring: ClusterMonitoring | undefined): Cluster {
  return {
    $typeName: "api.v1.Cluster",
    uuid: row.id,
    name: row.name,
    project: row.project,
    partition: row.partition,
    kubernetes: { $typeName: "api.v1.KubernetesSpec", version: row.kubernetesVersion },
    workers: row.workers,
    maintenance: {
      $typeName: "api.v1.Maintenance",
      kubernetesAutoupdate: row.kubernetesAutoupdate,
      machineimageAutoupdate: row.machineimageAutoupdate,
      timeWindow: {
        $typeName: "api.v1.MaintenanceTimeWindow",
        begin: row.maintenanceBegin,
        duration: durationOf(row.maintenanceSeconds),
      },
    },
    tenant: row.tenant,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    deletedAt: row.deleteRequestedAt ?? undefined,
    status,
    purpose: row.purpose ?? undefined,
    monitoring,
  };
}

type StatusFields = Pick<
  ListedCluster,
  | "id"
  | "statusProgress"
  | "statusState"
  | "statusType"
  | "apiServerReady"
  | "controlPlaneReady"
  | "nodesReady"
  | "systemComponentsReady"
  | "lastErrors"
  | "conditions"
>;

function statusOf(row: StatusFields): ClusterStatus {
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
    lastErrors: row.lastErrors,
    conditions: row.conditions,
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
