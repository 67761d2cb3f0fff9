import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  StepState,
  TaskKind,
  type TaskLogLineSchema,
  type TaskSchema,
  TaskState,
  type TaskStepSchema,
} from "../../../../gen/ts/deploy/v1/task_pb.js";
import type { TaskLogRow } from "./log.js";
import { isDone } from "./progress.js";
import type { StepRecord } from "./table.js";
import type { TaskKindName, TaskRow } from "./work.js";

type Plain<Init> = Exclude<Init, { $typeName: string }>;

const states = {
  queued: TaskState.QUEUED,
  scheduled: TaskState.SCHEDULED,
  running: TaskState.RUNNING,
  canceling: TaskState.CANCELING,
  succeeded: TaskState.SUCCEEDED,
  failed: TaskState.FAILED,
  canceled: TaskState.CANCELED,
  expired: TaskState.EXPIRED,
} as const satisfies Record<TaskRow["state"], TaskState>;

const kinds = {
  create: TaskKind.CREATE,
  release: TaskKind.RELEASE,
  scale: TaskKind.SCALE,
  start: TaskKind.START,
  stop: TaskKind.STOP,
  restart: TaskKind.RESTART,
  move: TaskKind.MOVE,
  delete: TaskKind.DELETE,
  route: TaskKind.ROUTE,
  action: TaskKind.ACTION,
} as const satisfies Record<TaskKindName, TaskKind>;

const stepStates = {
  waiting: StepState.WAITING,
  running: StepState.RUNNING,
  succeeded: StepState.SUCCEEDED,
  failed: StepState.FAILED,
  skipped: StepState.SKIPPED,
} as const satisfies Record<StepRecord["state"], StepState>;

/** The states that a filter names, as rows have them; the unspecified one names none. */
export function statesOf(wanted: readonly TaskState[]): TaskRow["state"][] {
  const all: TaskRow["state"][] = [
    "queued",
    "scheduled",
    "running",
    "canceling",
    "succeeded",
    "failed",
    "canceled",
    "expired",
  ];
  return all.filter((state) => wanted.includes(states[state]));
}

/** A task as the API shows it. */
export function taskMessage(row: TaskRow): Plain<MessageInitShape<typeof TaskSchema>> {
  return {
    uuid: row.id,
    project: row.project,
    deployment: row.deployment,
    kind: kinds[row.kind],
    state: states[row.state],
    release: row.release ?? 0,
    stepsDone: row.steps.filter(({ state }) => isDone(state)).length,
    steps: row.steps.map(stepMessage),
    message: row.message,
    actor: row.actor,
    reason: row.reason,
    retryOf: row.retryOf ?? "",
    executeAt: timestampFromDate(row.executeAt),
    createdAt: timestampFromDate(row.createdAt),
    ...(row.startedAt === null ? {} : { startedAt: timestampFromDate(row.startedAt) }),
    ...(row.finishedAt === null ? {} : { finishedAt: timestampFromDate(row.finishedAt) }),
    revision: BigInt(row.revision),
    idempotencyKey: row.idempotencyKey,
  };
}

function stepMessage({
  name,
  state,
  message,
  startedAt,
  finishedAt,
}: StepRecord): MessageInitShape<typeof TaskStepSchema> {
  return {
    name,
    state: stepStates[state],
    message,
    ...(startedAt === undefined ? {} : { startedAt: timestampFromDate(new Date(startedAt)) }),
    ...(finishedAt === undefined ? {} : { finishedAt: timestampFromDate(new Date(finishedAt)) }),
  };
}

/** A line of a log as the API shows it. */
export function logMessage({ number, at, step, text }: TaskLogRow): MessageInitShape<typeof TaskLogLineSchema> {
  return { number: BigInt(number), time: timestampFromDate(at), step, text };
}
