import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import { addJob, type TaskHandler } from "../../../jobs/jobs.js";
import { KubeError } from "../../../kube/errors.js";
import type { Platform } from "../../../platform.js";
import type { Background } from "../../background.js";
import { deploymentStore } from "../deployment/store.js";
import { targetAccess } from "../target/access.js";
import { taskStore } from "../task/store.js";
import { lookAtRoute, type Standing } from "./kube.js";
import { laterRoutes } from "./later.js";
import { type Place, placeOf } from "./plan.js";
import { type RouteRow, routeStore } from "./store.js";

/** The name of the job that looks at routes that wait for a certificate or an address after their task has ended. */
export const lookTask = "route.look";

const shortestMs = 10_000;
const longestMs = 600_000;
/** Most of a day. */
const mostLooks = 100;

/** Queues a look at the routes of a deployment that wait, after so many looks. */
export function queueLook(tx: Database, deployment: string, looks: number): Promise<void> {
  const runAt = new Date(Date.now() + Math.min(longestMs, shortestMs * 2 ** Math.min(looks, 10)));
  return addJob(tx, lookTask, { deployment, looks }, { key: `${lookTask}:${deployment}`, maxAttempts: 5, runAt });
}

/** What workers do for routes beside their tasks. */
export function routeBackground(platform: Platform): Background {
  return { tasks: { [lookTask]: lookAtRoutes(platform) }, controllers: [] };
}

/** The job: it only looks, and leaves routes alone that a task is about to make. */
export function lookAtRoutes(platform: Platform): TaskHandler {
  const { db } = platform;
  return async (payload, { signal }) => {
    const { deployment: id, looks } = payload as { deployment: string; looks: number };
    const [deployment] = await deploymentStore.byIds(db, [id]);
    if (deployment === undefined || deployment.deletedAt !== null || deployment.activeRelease === 0) return;
    const later = await laterRoutes(db, id);
    const rows = await routeStore.ofDeployment(db, id);
    const waiting = rows.filter((row) => row.state === "pending" && !later.has(row.id));
    if (waiting.length === 0 || deployment.stopped === "uninstalled") return;
    const isBusy = (await taskStore.openTasks(db, id)).some(({ state }) => state !== "scheduled");
    const place = await placeOf(platform, deployment);
    let isOver = true;
    if (isBusy || place.target.connection !== "connected") isOver = false;
    else for (const row of waiting) isOver = (await look(platform, row, { place, looks, signal })) && isOver;
    if (!isOver && looks < mostLooks) await queueLook(db, id, looks + 1);
  };
}

interface Look {
  readonly place: Place;
  readonly looks: number;
  readonly signal: AbortSignal;
}

/** Writes how a route is; false while it waits. */
async function look(platform: Platform, row: RouteRow, { place, looks, signal }: Look): Promise<boolean> {
  const client = targetAccess(platform, place.target);
  let standing: Standing;
  try {
    standing = await lookAtRoute(client, { route: row.id, namespace: place.namespace }, signal);
  } catch (error) {
    // A target that fails is asked again by the next look, however often that is.
    if (signal.aborted || !(error instanceof KubeError || error instanceof DomainError)) throw error;
    return false;
  } finally {
    client.close();
  }
  const { db } = platform;
  if (standing.isReady) await routeStore.mark(db, row, { state: "active", message: "" });
  else {
    const state = looks < mostLooks ? "pending" : "failed";
    await routeStore.mark(db, row, { state, message: standing.message });
  }
  return standing.isReady;
}
