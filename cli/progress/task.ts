import type { Task } from "../../gen/ts/deploy/v1/task_pb.js";
import { live } from "../resources/live.js";
import type { Session } from "../session.js";
import { follow, type Step } from "./follow.js";

/** Which task is followed. */
export interface FollowedTask {
  readonly uuid: string;
  readonly project: string;
  /** What it is about, as in "deployment web". */
  readonly title: string;
}

/** Shows a task until it has ended; it must succeed. */
export async function followTask(session: Session, { uuid, project, title }: FollowedTask): Promise<void> {
  const { TaskService, TaskState } = await import("../../gen/ts/deploy/v1/task_pb.js");
  const client = await session.client(TaskService);
  const ends: Readonly<Record<number, Step["end"]>> = {
    [TaskState.SUCCEEDED]: "succeeded",
    [TaskState.FAILED]: "failed",
    [TaskState.CANCELED]: "failed",
    [TaskState.EXPIRED]: "failed",
  };
  await follow(session, { title, look: `slipway task get ${uuid}` }, async function* (signal) {
    const open = (resumeToken: string, stop: AbortSignal) =>
      client.watch({ project, uuid, resumeToken }, { signal: stop });
    for await (const { task } of live(session, open, signal)) {
      if (task === undefined) continue;
      const end = ends[task.state];
      yield { ...stepOf(task, TaskState[task.state]), ...(end === undefined ? {} : { end }) };
    }
  });
}

function stepOf(task: Task, state: string | undefined): Step {
  const total = Math.max(1, task.steps.length);
  const current = task.steps[task.stepsDone];
  const isDone = task.stepsDone >= total;
  return {
    state: state ?? "unknown",
    percent: isDone ? 100 : Math.floor((task.stepsDone / total) * 100),
    message: task.message || [current?.name, current?.message].filter(Boolean).join(": "),
  };
}
