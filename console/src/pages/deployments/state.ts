import {
  type Deployment,
  DeploymentHealth,
  DeploymentPhase,
  DifferenceKind,
} from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { ReleaseCauseSchema, ReleaseStatus } from "../../../../gen/ts/deploy/v1/release_pb.js";
import { RouteState } from "../../../../gen/ts/deploy/v1/route_pb.js";
import { InstanceState } from "../../../../gen/ts/deploy/v1/runtime_pb.js";
import type { Source } from "../../../../gen/ts/deploy/v1/spec_pb.js";
import { StepState, type Task, TaskKindSchema, TaskState } from "../../../../gen/ts/deploy/v1/task_pb.js";
import { enumText } from "../../kit/form/rules.js";
import type { Tone } from "../../kit/status-badge.js";

/** A state in a word, and what it means for the reader. */
export interface Shown {
  readonly text: string;
  readonly tone: Tone;
}

const unknown: Shown = { text: "Unknown", tone: "quiet" };

const phases: Readonly<Partial<Record<DeploymentPhase, Shown>>> = {
  [DeploymentPhase.IDLE]: { text: "Idle", tone: "quiet" },
  [DeploymentPhase.WORKING]: { text: "Working", tone: "busy" },
  [DeploymentPhase.FAILED]: { text: "Failed", tone: "bad" },
  [DeploymentPhase.STOPPED]: { text: "Stopped", tone: "quiet" },
  [DeploymentPhase.DELETING]: { text: "Deleting", tone: "busy" },
  [DeploymentPhase.DELETED]: { text: "Deleted", tone: "quiet" },
};

const healths: Readonly<Partial<Record<DeploymentHealth, Shown>>> = {
  [DeploymentHealth.HEALTHY]: { text: "Healthy", tone: "good" },
  [DeploymentHealth.PROGRESSING]: { text: "Progressing", tone: "busy" },
  [DeploymentHealth.DEGRADED]: { text: "Degraded", tone: "warn" },
  [DeploymentHealth.UNHEALTHY]: { text: "Unhealthy", tone: "bad" },
  [DeploymentHealth.STOPPED]: { text: "Stopped", tone: "quiet" },
};

const instances: Readonly<Partial<Record<InstanceState, Shown>>> = {
  [InstanceState.PENDING]: { text: "Pending", tone: "busy" },
  [InstanceState.STARTING]: { text: "Starting", tone: "busy" },
  [InstanceState.NOT_READY]: { text: "Not ready", tone: "warn" },
  [InstanceState.READY]: { text: "Ready", tone: "good" },
  [InstanceState.SUCCEEDED]: { text: "Succeeded", tone: "quiet" },
  [InstanceState.FAILED]: { text: "Failed", tone: "bad" },
  [InstanceState.TERMINATING]: { text: "Terminating", tone: "busy" },
  [InstanceState.LOST]: { text: "Lost", tone: "bad" },
};

const tasks: Readonly<Partial<Record<TaskState, Shown>>> = {
  [TaskState.QUEUED]: { text: "Queued", tone: "quiet" },
  [TaskState.SCHEDULED]: { text: "Scheduled", tone: "quiet" },
  [TaskState.RUNNING]: { text: "Running", tone: "busy" },
  [TaskState.CANCELING]: { text: "Canceling", tone: "warn" },
  [TaskState.SUCCEEDED]: { text: "Succeeded", tone: "good" },
  [TaskState.FAILED]: { text: "Failed", tone: "bad" },
  [TaskState.CANCELED]: { text: "Canceled", tone: "quiet" },
  [TaskState.EXPIRED]: { text: "Expired", tone: "bad" },
};

const steps: Readonly<Partial<Record<StepState, Shown>>> = {
  [StepState.WAITING]: { text: "Waiting", tone: "quiet" },
  [StepState.RUNNING]: { text: "Running", tone: "busy" },
  [StepState.SUCCEEDED]: { text: "Done", tone: "good" },
  [StepState.FAILED]: { text: "Failed", tone: "bad" },
  [StepState.SKIPPED]: { text: "Not needed", tone: "quiet" },
};

const releases: Readonly<Partial<Record<ReleaseStatus, Shown>>> = {
  [ReleaseStatus.PENDING]: { text: "Pending", tone: "busy" },
  [ReleaseStatus.ACTIVE]: { text: "Active", tone: "good" },
  [ReleaseStatus.SUPERSEDED]: { text: "Superseded", tone: "quiet" },
  [ReleaseStatus.FAILED]: { text: "Failed", tone: "bad" },
};

const routes: Readonly<Partial<Record<RouteState, Shown>>> = {
  [RouteState.PENDING]: { text: "Pending", tone: "busy" },
  [RouteState.ACTIVE]: { text: "Active", tone: "good" },
  [RouteState.FAILED]: { text: "Failed", tone: "bad" },
  [RouteState.DELETING]: { text: "Deleting", tone: "busy" },
};

const differences: Readonly<Partial<Record<DifferenceKind, Shown>>> = {
  [DifferenceKind.SAME]: { text: "Same", tone: "quiet" },
  [DifferenceKind.CREATED]: { text: "Created", tone: "good" },
  [DifferenceKind.CHANGED]: { text: "Changed", tone: "busy" },
  [DifferenceKind.DELETED]: { text: "Deleted", tone: "warn" },
  [DifferenceKind.REFUSED]: { text: "Refused", tone: "bad" },
};

export const phaseOf = (phase: DeploymentPhase): Shown => phases[phase] ?? unknown;
export const healthOf = (health: DeploymentHealth): Shown => healths[health] ?? unknown;
export const instanceState = (state: InstanceState): Shown => instances[state] ?? unknown;
export const taskState = (state: TaskState): Shown => tasks[state] ?? unknown;
export const stepState = (state: StepState): Shown => steps[state] ?? unknown;
export const releaseStatus = (status: ReleaseStatus): Shown => releases[status] ?? unknown;
export const routeState = (state: RouteState): Shown => routes[state] ?? unknown;
export const differenceKind = (kind: DifferenceKind): Shown => differences[kind] ?? unknown;

const open = new Set([TaskState.QUEUED, TaskState.SCHEDULED, TaskState.RUNNING, TaskState.CANCELING]);

/** Whether a task has not ended. */
export const isOpen = ({ state }: Task): boolean => open.has(state);

/** Whether a task can be made again. */
export const canRetry = ({ state }: Task): boolean =>
  state === TaskState.FAILED || state === TaskState.CANCELED || state === TaskState.EXPIRED;

/** How far a task has come, in percent; its steps are known once it runs. */
export function percentOf({ steps: all, stepsDone, state }: Task): number {
  if (state === TaskState.SUCCEEDED) return 100;
  return all.length === 0 ? 0 : (100 * stepsDone) / all.length;
}

/** What a task does: "Release 3", "Scale". */
export function taskText({ kind, release }: Task): string {
  const words = enumText(TaskKindSchema, kind);
  return release === 0 ? words : `${words} ${words === "Release" ? release : `(release ${release})`}`;
}

/** Why a release was made: "Config", "Rollback". */
export const causeText = (cause: number): string => enumText(ReleaseCauseSchema, cause);

/** What a deployment runs, in one line. */
export function sourceText(source: Source | undefined): string {
  const runs = source?.source;
  if (runs?.case === "image") return runs.value.image;
  if (runs?.case !== "chart") return "–";
  const { name, version, resolvedVersion } = runs.value;
  return [name, resolvedVersion || version].filter(Boolean).join(" ");
}

/** How many replicas are ready, and how many are wanted. */
export function replicasOf({ processes }: Deployment): { readonly ready: number; readonly wanted: number } {
  return processes.reduce(
    (sum, { replicas, readyReplicas }) => ({ ready: sum.ready + readyReplicas, wanted: sum.wanted + replicas }),
    { ready: 0, wanted: 0 },
  );
}
