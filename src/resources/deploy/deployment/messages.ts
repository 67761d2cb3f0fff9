import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  DeploymentHealth,
  DeploymentPhase,
  type DeploymentSchema,
  type ProcessStatusSchema,
} from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import type { ProcessContent, SourceContent } from "../spec/content.js";
import { autoscaleMessage, sourceMessage } from "../spec/messages.js";
import { isRunning, processKinds } from "../spec/process.js";
import { scaleOfProcess } from "../spec/scale.js";
import type { DeploymentRow } from "./store.js";

const phases = {
  idle: DeploymentPhase.IDLE,
  working: DeploymentPhase.WORKING,
  failed: DeploymentPhase.FAILED,
  stopped: DeploymentPhase.STOPPED,
  deleting: DeploymentPhase.DELETING,
  deleted: DeploymentPhase.DELETED,
} as const satisfies Record<DeploymentRow["phase"], DeploymentPhase>;

const healths = {
  unknown: DeploymentHealth.UNKNOWN,
  healthy: DeploymentHealth.HEALTHY,
  progressing: DeploymentHealth.PROGRESSING,
  degraded: DeploymentHealth.DEGRADED,
  unhealthy: DeploymentHealth.UNHEALTHY,
  stopped: DeploymentHealth.STOPPED,
} as const satisfies Record<DeploymentRow["health"], DeploymentHealth>;

/** What is shown of a deployment besides its row. */
export interface DeploymentSurroundings {
  /** Of the active release, or else of the first one; undefined when it has none any more. */
  readonly source: SourceContent | undefined;
  readonly processes: readonly ProcessContent[];
  /** Uuid of the task that runs, or else of the next one; empty for none. */
  readonly task: string;
}

/** The phase of a number of the API; undefined for UNSPECIFIED. */
export function phaseOf(number: DeploymentPhase | undefined): DeploymentRow["phase"] | undefined {
  const names = Object.keys(phases) as DeploymentRow["phase"][];
  return names.find((name) => phases[name] === number);
}

/** A deployment as the API shows it. */
export function deploymentMessage(
  row: DeploymentRow,
  { source, processes, task }: DeploymentSurroundings,
): MessageInitShape<typeof DeploymentSchema> {
  return {
    uuid: row.id,
    project: row.project,
    environment: row.environment,
    name: row.name,
    description: row.description,
    kind: row.kind,
    target: row.target,
    namespace: row.namespace,
    objectName: row.objectName,
    activeRelease: row.activeRelease,
    ...(source === undefined ? {} : { source: sourceMessage(source) }),
    processes: processes.map((process) => statusMessage(row, process)),
    phase: phases[row.phase],
    phaseMessage: row.phaseMessage,
    health: healths[row.health],
    healthMessage: row.healthMessage,
    reported: row.reported,
    task,
    autoRollback: { enabled: row.autoRollback, timeoutSeconds: row.rolloutSeconds },
    labels: { ...row.labels },
    version: BigInt(row.version),
    createdAt: timestampFromDate(row.createdAt),
    updatedAt: timestampFromDate(row.updatedAt),
    revision: BigInt(row.revision),
  };
}

function statusMessage(
  { scale, stopped, observed }: DeploymentRow,
  process: ProcessContent,
): MessageInitShape<typeof ProcessStatusSchema> {
  const { name, kind } = process;
  const entry = scaleOfProcess(scale, name);
  const isStopped = stopped !== "" || entry.stopped === true;
  const { current, ready, message } = (Object.hasOwn(observed, name) ? observed[name] : undefined) ?? unseen;
  return {
    name,
    kind: processKinds[kind],
    replicas: isRunning(process) && !isStopped ? entry.replicas : 0,
    currentReplicas: current,
    readyReplicas: ready,
    ...autoscaleMessage(entry),
    stopped: isStopped,
    message,
  };
}

const unseen = { current: 0, ready: 0, message: "" };
