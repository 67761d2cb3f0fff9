import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { ClusterStatusCondition, ClusterStatusLastError, Worker } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { timestampOf } from "../../../timestamp.js";
import type { ClusterCondition, ClusterLastError, WorkerSpec } from "./kube.js";

/** The groups of workers as the API shows them. */
export function workerMessages(workers: readonly WorkerSpec[]): Worker[] {
  return workers.map((worker) => ({
    $typeName: "api.v1.Worker",
    name: worker.name,
    machineType: worker.machineType,
    minsize: worker.minSize,
    maxsize: worker.maxSize,
    maxsurge: worker.maxSurge,
    maxunavailable: worker.maxUnavailable,
  }));
}

/** What went wrong with a cluster, as the API shows it. */
export function errorMessages(errors: readonly ClusterLastError[]): ClusterStatusLastError[] {
  return errors.map(({ description, taskId, codes, lastUpdateTime }) => ({
    $typeName: "api.v1.ClusterStatusLastError",
    description,
    taskId,
    codes: [...codes],
    lastUpdateTime: timeOfText(lastUpdateTime),
  }));
}

/** What Kubernetes says of a cluster, as the API shows it. */
export function conditionMessages(conditions: readonly ClusterCondition[]): ClusterStatusCondition[] {
  return conditions.map((condition) => ({
    $typeName: "api.v1.ClusterStatusCondition",
    type: condition.type,
    status: condition.status,
    reason: condition.reason,
    statusMessage: condition.message,
    lastTransitionTime: timeOfText(condition.lastTransitionTime),
    lastUpdateTime: timeOfText(condition.lastUpdateTime),
  }));
}

const timeOfText = (text: string | undefined): Timestamp | undefined =>
  text === undefined ? undefined : timestampOf(new Date(text));
