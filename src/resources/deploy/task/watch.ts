import type { HandlerContext } from "@connectrpc/connect";
import type { TaskServiceWatchRequest } from "../../../../gen/ts/deploy/v1/task_pb.js";
import type { Platform } from "../../../platform.js";
import { followResumably, parseResumeToken, type ResumableOptions, resumeToken } from "../resume.js";
import { found } from "./change.js";
import { taskLogStore } from "./log.js";
import { logMessage, taskMessage } from "./messages.js";
import { foundDeployment, type TaskKey, taskStore } from "./store.js";
import type { TaskRow } from "./work.js";

const linesPerAnswer = 500;

/** Streams the tasks that a request names, or the one, until the caller leaves or that one has ended. */
export function watchTasks(platform: Platform) {
  return async function* watch(request: TaskServiceWatchRequest, { signal }: HandlerContext) {
    const { project, environment, deployment, uuid } = request;
    const key = { project, environment, deployment, id: uuid };
    const place = parseResumeToken(request.resumeToken);
    await foundDeployment(platform.db, key);
    if (uuid === "") {
      yield* watchMany(platform, key, place.horizon, signal);
      return;
    }
    found(await taskStore.get(platform.db, key), uuid);
    // Lines that were told by the last answer need not be asked for by number.
    yield* watchOne(
      platform,
      key,
      Math.max(place.line, Math.min(Number(request.afterLine), Number.MAX_SAFE_INTEGER)),
      signal,
    );
  };
}

async function* watchMany(platform: Platform, scope: TaskKey, since: bigint, signal: AbortSignal) {
  // What was told of those that have not ended: the renewal of a lease is no news.
  const told = new Map<string, string>();
  for await (const { row, horizon } of followResumably(optionsOf(platform, scope), since, signal)) {
    const shown = shownOf(row);
    if (told.get(row.id) === shown) continue;
    if (row.finishedAt === null) told.set(row.id, shown);
    else told.delete(row.id);
    yield { task: taskMessage(row), resumeToken: resumeToken(horizon) };
  }
}

async function* watchOne(platform: Platform, key: TaskKey, afterLine: number, signal: AbortSignal) {
  let line = afterLine;
  let told = "";
  // Whoever comes back gets its present state: it may have ended.
  for await (const { row, horizon } of followResumably(optionsOf(platform, key), 0n, signal)) {
    const task = taskMessage(row);
    for (let isMore = true; isMore; ) {
      // Read after the row: nothing is written to the log of a task that has ended.
      const lines = await taskLogStore.after(platform.db, row.id, line, linesPerAnswer);
      isMore = lines.length === linesPerAnswer;
      line = lines.at(-1)?.number ?? line;
      const shown = shownOf(row);
      if (lines.length === 0 && told === shown) continue;
      told = shown;
      yield { task, log: lines.map(logMessage), resumeToken: resumeToken(horizon, line) };
    }
    if (row.finishedAt !== null) return;
  }
}

function optionsOf({ db, feed }: Platform, key: TaskKey): ResumableOptions<TaskRow> {
  // The feed names rows as the database writes uuids.
  const [project, id] = [key.project.toLowerCase(), key.id.toLowerCase()];
  return {
    feed,
    topic: "deployment_task",
    read: (from, limit) => taskStore.changedSince(db, key, from, limit),
    concerns: (change) => change.scope === project && (id === "" || change.key === id),
    idOf: (row) => row.id,
    changedXidOf: (row) => BigInt(row.changedXid),
    revisionOf: (row) => row.revision,
  };
}

/** All that a caller sees of it but the revision. */
const shownOf = ({ state, message, steps, idempotencyKey }: TaskRow): string =>
  JSON.stringify([state, message, idempotencyKey, steps]);
