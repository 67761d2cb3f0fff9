import { create } from "@bufbuild/protobuf";
import { createConnectQueryKey, useQuery, useTransport } from "@connectrpc/connect-query";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import {
  type Task,
  type TaskLogLine,
  TaskService,
  type TaskServiceListResponse,
  TaskServiceListResponseSchema,
  type TaskServiceWatchResponse,
} from "../../../../gen/ts/deploy/v1/task_pb.js";
import { slipway } from "../../app/api.js";
import { announce } from "../../kit/announce.js";
import { useWatch } from "../../kit/use-watch.js";
import { taskState, taskText } from "./state.js";

const client = slipway.client(TaskService);

/** The tasks of a deployment, newest first, as they go on. `onChange` hears when one begins or ends. */
export function useTasks(project: string, deployment: string, onChange: () => void) {
  const transport = useTransport();
  const queryClient = useQueryClient();
  const input = { project, deployment };
  const query = useQuery(TaskService.method.list, input);
  const key = createConnectQueryKey({ schema: TaskService.method.list, input, transport, cardinality: "finite" });
  const watch = useWatch<TaskServiceWatchResponse>(
    query.data === undefined ? undefined : `${project} ${deployment}`,
    (resumeToken, signal) => client.watch({ ...input, resumeToken }, { signal }),
    (answers) => {
      const before = queryClient.getQueryData<TaskServiceListResponse>(key)?.tasks ?? [];
      const tasks = mergeTasks(before, answers);
      if (tasks === before) return;
      queryClient.setQueryData(key, create(TaskServiceListResponseSchema, { tasks: [...tasks] }));
      const states = new Map(before.map(({ uuid, state }) => [uuid, state]));
      if (tasks.some(({ uuid, state }) => states.get(uuid) !== state)) onChange();
    },
  );
  return { ...query, tasks: query.data?.tasks, watch };
}

/** The list with what a stream has told, newest first. */
export function mergeTasks(before: readonly Task[], answers: readonly TaskServiceWatchResponse[]): readonly Task[] {
  const newest = new Map(answers.flatMap(({ task }) => (task === undefined ? [] : [[task.uuid, task]])));
  const known = new Map(before.map((task) => [task.uuid, task]));
  const fresh = [...newest.values()].filter((task) => task.revision > (known.get(task.uuid)?.revision ?? -1n));
  if (fresh.length === 0) return before;
  for (const task of fresh) known.set(task.uuid, task);
  return [...known.values()].sort((a, b) => (a.uuid < b.uuid ? 1 : -1));
}

/** A task that is followed: how it stands, and its log. */
export interface FollowedTask {
  readonly task: Task | undefined;
  readonly log: readonly TaskLogLine[];
}

/** Follows one task with the lines of its log, to its end. */
export function useTask(project: string, uuid: string) {
  const [followed, setFollowed] = useState<FollowedTask & { readonly uuid: string }>({
    uuid,
    task: undefined,
    log: [],
  });
  const mine = followed.uuid === uuid ? followed : { uuid, task: undefined, log: [] };
  const watch = useWatch<TaskServiceWatchResponse>(
    `${project} ${uuid}`,
    (resumeToken, signal) => client.watch({ project, uuid, resumeToken }, { signal }),
    (answers) => {
      setFollowed((before) => {
        const now = before.uuid === uuid ? before : { uuid, task: undefined, log: [] };
        const task = answers.findLast(({ task }) => task !== undefined)?.task ?? now.task;
        if (task !== undefined && now.task !== undefined && task.state !== now.task.state)
          announce(`${taskText(task)}: ${taskState(task.state).text}`);
        return { uuid, task, log: withLines(now.log, answers) };
      });
    },
  );
  return { ...mine, watch };
}

/** The log with the lines that are new; what a stream tells twice is there once. */
export function withLines(
  before: readonly TaskLogLine[],
  answers: readonly TaskServiceWatchResponse[],
): readonly TaskLogLine[] {
  const log = [...before];
  for (const { log: lines } of answers) {
    for (const line of lines) if (line.number > (log.at(-1)?.number ?? 0n)) log.push(line);
  }
  return log.length === before.length ? before : log;
}
