import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { TaskService, type TaskServiceListRequest } from "../../../../gen/ts/deploy/v1/task_pb.js";
import { callerOf } from "../../../caller.js";
import { invalidField } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { isUuid } from "../../api/uuid.js";
import { cancelTask, found, retryTask } from "./change.js";
import { taskLogStore } from "./log.js";
import { logMessage, statesOf, taskMessage } from "./messages.js";
import { foundDeployment, type TaskKey, taskStore } from "./store.js";
import { watchTasks } from "./watch.js";
import type { Works } from "./work.js";

const shownLines = 1_000;
const usualPage = 100;

/** deploy.v1.TaskService: the work of changes to deployments. */
export function registerTask(router: ConnectRouter, platform: Platform, works: Works): void {
  const { db } = platform;
  router.service(TaskService, {
    async get(request) {
      const row = found(await taskStore.get(db, keyOf(request)), request.uuid);
      return { task: taskMessage(row), log: (await taskLogStore.newest(db, row.id, shownLines)).map(logMessage) };
    },
    list: (request) => listTasks(platform, request),
    async cancel(request, context) {
      return { task: taskMessage(await cancelTask(platform, works, keyOf(request), actorOf(context))) };
    },
    async retry(request, context) {
      return { task: taskMessage(await retryTask(platform, works, keyOf(request), actorOf(context))) };
    },
    watch: watchTasks(platform),
  });
}

async function listTasks({ db }: Platform, request: TaskServiceListRequest) {
  const { project, environment, deployment, target } = request;
  const limit = request.pageSize === 0 ? usualPage : request.pageSize;
  const before = placeOf(request.pageToken);
  const states = statesOf(request.states);
  const scope = { project, environment, deployment };
  await foundDeployment(db, scope);
  // States that no task has are asked for: none matches.
  if (request.states.length > 0 && states.length === 0) return { tasks: [] };
  const rows = await taskStore.list(db, { ...scope, target, states }, { limit: limit + 1, before });
  const tasks = rows.slice(0, limit);
  const last = rows.length > limit ? tasks.at(-1) : undefined;
  return { tasks: tasks.map(taskMessage), nextPageToken: last === undefined ? "" : pageToken(last.id) };
}

const pageToken = (last: string): string => Buffer.from(last).toString("base64url");

function placeOf(token: string): string | undefined {
  if (token === "") return undefined;
  const id = Buffer.from(token, "base64url").toString();
  if (!isUuid(id)) throw invalidField("page_token", "is not one that a page had: leave it empty");
  return id;
}

const keyOf = ({ project, environment, deployment, uuid }: Omit<TaskKey, "id"> & { uuid: string }): TaskKey => ({
  project,
  environment,
  deployment,
  id: uuid,
});

const actorOf = (context: HandlerContext): string => callerOf(context).user;
