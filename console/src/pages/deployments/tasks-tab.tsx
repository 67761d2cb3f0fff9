import { Link, useLocation, useSearchParams } from "wouter";
import type { Deployment } from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import type { Task } from "../../../../gen/ts/deploy/v1/task_pb.js";
import { Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { Progress } from "../../kit/progress.js";
import { StatusBadge } from "../../kit/status-badge.js";
import { Ago } from "../../kit/time.js";
import classes from "./detail.module.css";
import { taskHref } from "./paths.js";
import { isOpen, percentOf, taskState, taskText } from "./state.js";
import { TaskProgress } from "./task-progress.js";

/** The tasks of a deployment, and the one that is looked at as it goes on. */
export function TasksTab({
  deployment,
  tasks,
  error,
}: {
  deployment: Deployment;
  tasks: readonly Task[] | undefined;
  error: unknown;
}) {
  const [search] = useSearchParams();
  const [, navigate] = useLocation();
  const { project } = deployment;
  const chosen = search.get("task") ?? tasks?.find(isOpen)?.uuid ?? tasks?.[0]?.uuid;
  if (error !== null && error !== undefined && tasks === undefined)
    return <Problem error={error} what="The tasks could not be listed" />;
  return (
    <>
      {chosen !== undefined && (
        <TaskProgress
          key={chosen}
          project={project}
          uuid={chosen}
          onRetry={(uuid) => navigate(taskHref(deployment, uuid))}
        />
      )}
      <Section title="All tasks">
        <div className={classes.tableBox}>
          <table className={classes.table} aria-busy={tasks === undefined}>
            <thead>
              <tr>
                <th scope="col">Task</th>
                <th scope="col">State</th>
                <th scope="col">Progress</th>
                <th scope="col">Why</th>
                <th scope="col">By</th>
                <th scope="col">When</th>
              </tr>
            </thead>
            <tbody>
              {tasks?.map((task) => (
                <Row key={task.uuid} deployment={deployment} task={task} isChosen={task.uuid === chosen} />
              ))}
              {tasks?.length === 0 && (
                <tr>
                  <td colSpan={6}>No tasks are kept.</td>
                </tr>
              )}
            </tbody>
          </table>
        </div>
      </Section>
    </>
  );
}

function Row({ deployment, task, isChosen }: { deployment: Deployment; task: Task; isChosen: boolean }) {
  const { text, tone } = taskState(task.state);
  return (
    <tr>
      <td data-fixed>
        <Link href={taskHref(deployment, task.uuid)} aria-current={isChosen ? "true" : undefined}>
          {taskText(task)}
        </Link>
      </td>
      <td data-fixed>
        <StatusBadge tone={tone}>{text}</StatusBadge>
      </td>
      <td data-fixed style={{ width: "9rem" }}>
        <Progress value={percentOf(task)} label={`Progress of ${taskText(task)}`} tone={tone} />
      </td>
      <td>{[task.message, task.reason].filter(Boolean).join(" · ")}</td>
      <td data-fixed>{task.actor}</td>
      <td data-fixed>
        <Ago at={task.createdAt} />
      </td>
    </tr>
  );
}
