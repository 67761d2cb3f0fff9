import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type {
  ClusterMonitoring,
  ClusterSchema,
  ClusterStatusSchema,
  WorkerSchema,
} from "../../../../gen/ts/api/v1/cluster_pb.js";
import type { ClusterCondition, ClusterSpec, WorkerSpec } from "./kube.js";
import type { ClusterRow } from "./store.js";

type ClusterInit = MessageInitShape<typeof ClusterSchema>;
type StatusInit = MessageInitShape<typeof ClusterStatusSchema>;

/** A cluster as the API shows it; dashboards only where they are given. */
export function clusterMessage(row: ClusterRow, monitoring?: Omit<ClusterMonitoring, "$typeName">): ClusterInit {
  return {
    uuid: row.id,
    name: row.name,
    project: row.project,
    partition: row.partition,
    tenant: row.tenant,
    kubernetes: { version: row.kubernetesVersion },
    workers: row.workers.map(workerMessage),
    maintenance: {
      kubernetesAutoupdate: row.kubernetesAutoupdate,
      machineimageAutoupdate: row.machineimageAutoupdate,
      timeWindow: {
        begin: timestampFromDate(row.maintenanceBegin),
        duration: { seconds: BigInt(row.maintenanceSeconds) },
      },
    },
    createdAt: timestampFromDate(row.createdAt),
    updatedAt: timestampFromDate(row.updatedAt),
    ...(row.deleteRequestedAt === null ? {} : { deletedAt: timestampFromDate(row.deleteRequestedAt) }),
    status: statusMessage(row),
    ...(row.purpose === null ? {} : { purpose: row.purpose }),
    ...(monitoring === undefined ? {} : { monitoring }),
  };
}

/** The status of a cluster: its last operation and what Kubernetes says of its parts. */
export function statusMessage(row: ClusterRow): StatusInit {
  return {
    uuid: row.id,
    progress: row.statusProgress,
    state: row.statusState,
    type: row.statusType,
    apiServerReady: row.apiServerReady,
    controlPlaneReady: row.controlPlaneReady,
    nodesReady: row.nodesReady,
    systemComponentsReady: row.systemComponentsReady,
    lastErrors: row.lastErrors.map(({ description, taskId, codes, lastUpdateTime }) => ({
      description,
      codes: [...codes],
      ...(taskId === undefined ? {} : { taskId }),
      ...timestampField("lastUpdateTime", lastUpdateTime),
    })),
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

function workerMessage(worker: WorkerSpec): MessageInitShape<typeof WorkerSchema> {
  return {
    name: worker.name,
    machineType: worker.machineType,
    minsize: worker.minSize,
    maxsize: worker.maxSize,
    maxsurge: worker.maxSurge,
    maxunavailable: worker.maxUnavailable,
  };
}

function conditionMessage(condition: ClusterCondition) {
  return {
    type: condition.type,
    status: condition.status,
    reason: condition.reason,
    statusMessage: condition.message,
    ...timestampField("lastTransitionTime", condition.lastTransitionTime),
    ...timestampField("lastUpdateTime", condition.lastUpdateTime),
  };
}

function timestampField<Name extends string>(name: Name, text: string | undefined) {
  if (text === undefined) return {};
  return { [name]: timestampFromDate(new Date(text)) } as Record<Name, ReturnType<typeof timestampFromDate>>;
}
