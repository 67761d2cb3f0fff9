import type { Task } from "../../gen/ts/deploy/v1/task_pb.js";
import { follow, type Step } from "../progress/follow.js";
import type { Session } from "../session.js";
import { wordOf } from "./enums.js";
import { lazy } from "./lazy.js";
import { live } from "./live.js";

const api = lazy(() => import("../../gen/ts/deploy/v1/task_pb.js"));

/** Shows a task with its steps until it ends; fails when it does. */
export async function followTask(
  session: Session,
  { uuid, project, deployment }: Pick<Task, "uuid" | "project" | "deployment">,
  title: string,
): Promise<void> {
  const { TaskService } = await api();
  const client = await session.client(TaskService);
  await follow(session, { title, look: `slipway task logs ${uuid}` }, async function* (signal) {
    const open = (resumeToken: string, ends: AbortSignal) =>
      client.watch({ project, deployment, uuid, resumeToken }, { signal: ends });
    for await (const { task } of live(session, open, signal)) if (task !== undefined) yield stepOf(task);
  });
}

/** Where a task is, as progress shows it. */
export function stepOf(task: Task): Step {
  const { TaskKind, TaskState } = api.now();
  const { steps, stepsDone, state } = task;
  const isDone = state === TaskState.SUCCEEDED;
  const percent = isDone ? 100 : Math.floor((100 * stepsDone) / Math.max(1, steps.length));
  const shown = {
    state: `${wordOf(TaskKind, task.kind)}/${wordOf(TaskState, state)}`,
    percent,
    message: messageOf(task),
  };
  if (isDone) return { ...shown, end: "succeeded" };
  const hasFailed = state === TaskState.FAILED || state === TaskState.CANCELED || state === TaskState.EXPIRED;
  return hasFailed ? { ...shown, end: "failed" } : shown;
}

/** What a task does at the moment, or why it failed. */
function messageOf({ steps, message }: Task): string {
  if (message !== "") return message;
  const running = steps.find(({ state }) => state === api.now().StepState.RUNNING);
  if (running === undefined) return "";
  return running.message === "" ? running.name : `${running.name}: ${running.message}`;
}
