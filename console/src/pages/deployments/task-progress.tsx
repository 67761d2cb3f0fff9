import { useMutation } from "@connectrpc/connect-query";
import { Button } from "@mantine/core";
import { useState } from "react";
import { type Task, TaskService, type TaskStep } from "../../../../gen/ts/deploy/v1/task_pb.js";
import { Confirm } from "../../kit/confirm.js";
import { Problem } from "../../kit/problem.js";
import { Progress } from "../../kit/progress.js";
import { StatusBadge } from "../../kit/status-badge.js";
import { Ago, DateTime } from "../../kit/time.js";
import { LiveDot } from "../../kit/use-watch.js";
import { LogView } from "./logs/log-view.js";
import { canRetry, isOpen, percentOf, stepState, taskState, taskText } from "./state.js";
import classes from "./task-progress.module.css";
import { useTask } from "./use-tasks.js";

/** A task as it goes on: its steps, how far it is, and its log. `onRetry` gets the task that does it again. */
export function TaskProgress({
  project,
  uuid,
  onRetry,
}: {
  project: string;
  uuid: string;
  onRetry?: (uuid: string) => void;
}) {
  const { task, log, watch } = useTask(project, uuid);
  return (
    <div className={classes.task}>
      {watch.state === "failed" && task === undefined ? (
        <Problem error={new Error(watch.problem?.message)} what="The task cannot be followed" />
      ) : (
        <>
          <Head task={task} onRetry={onRetry}>
            {task !== undefined && isOpen(task) && <LiveDot watch={watch} />}
          </Head>
          <ol className={classes.steps} aria-label="Steps">
            {task?.steps.map((step, i) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: steps stand in their order, and names may come again
              <Step key={i} step={step} />
            ))}
            {(task?.steps.length ?? 0) === 0 && <li className={classes.quiet}>Its steps are known once it runs.</li>}
          </ol>
          <div className={classes.log}>
            <LogView
              label="Log of the task"
              lines={log.map(({ number, time, step, text }) => ({ seq: Number(number), time, label: step, text }))}
              empty="Nothing has been written yet."
            />
          </div>
        </>
      )}
    </div>
  );
}

function Head({
  task,
  onRetry,
  children,
}: {
  task: Task | undefined;
  onRetry: ((uuid: string) => void) | undefined;
  children: React.ReactNode;
}) {
  const state = task === undefined ? undefined : taskState(task.state);
  return (
    <>
      <div className={classes.head}>
        <strong>{task === undefined ? "Task" : taskText(task)}</strong>
        {state !== undefined && <StatusBadge tone={state.tone}>{state.text}</StatusBadge>}
        {children}
        <span className={classes.by}>
          {task !== undefined && (
            <>
              by {task.actor}, <Ago at={task.createdAt} />
              {task.executeAt !== undefined && isOpen(task) && (
                <>
                  , not before <DateTime at={task.executeAt} />
                </>
              )}
            </>
          )}
        </span>
        {task !== undefined && <Actions task={task} onRetry={onRetry} />}
      </div>
      <Progress
        value={task === undefined ? 0 : percentOf(task)}
        label="Progress of the task"
        tone={state?.tone ?? "quiet"}
      />
      <div className={classes.message}>{[task?.message, task?.reason].filter(Boolean).join(" · ")}</div>
    </>
  );
}

function Actions({ task, onRetry }: { task: Task; onRetry: ((uuid: string) => void) | undefined }) {
  const [asks, setAsks] = useState(false);
  const cancel = useMutation(TaskService.method.cancel);
  const retry = useMutation(TaskService.method.retry, {
    onSuccess: ({ task: again }) => again !== undefined && onRetry?.(again.uuid),
  });
  const { project, deployment, uuid } = task;
  const its = { project, deployment, uuid };
  return (
    <>
      {isOpen(task) && (
        <Button variant="default" size="compact-xs" onClick={() => setAsks(true)}>
          Cancel…
        </Button>
      )}
      {canRetry(task) && (
        <Button variant="default" size="compact-xs" loading={retry.isPending} onClick={() => retry.mutate(its)}>
          Try again
        </Button>
      )}
      {retry.error !== null && <Problem error={retry.error} what="It cannot be done again" />}
      <Confirm
        opened={asks}
        title={`Cancel ${taskText(task)}`}
        action="Cancel the task"
        onClose={() => setAsks(false)}
        onConfirm={() => cancel.mutateAsync(its)}
      >
        It ends at the end of its step, and what it has done is undone.
      </Confirm>
    </>
  );
}

function Step({ step: { name, state, message, startedAt, finishedAt } }: { step: TaskStep }) {
  const { text, tone } = stepState(state);
  const seconds =
    startedAt === undefined || finishedAt === undefined ? undefined : Number(finishedAt.seconds - startedAt.seconds);
  return (
    <li className={classes.step}>
      <StatusBadge tone={tone}>{text}</StatusBadge>
      <span className={classes.stepName}>{name}</span>
      <span className={classes.stepMessage} title={message}>
        {message}
      </span>
      <span className={classes.quiet}>{seconds === undefined ? "" : `${seconds} s`}</span>
    </li>
  );
}
