import type { TaskOptions } from "../../../../gen/ts/deploy/v1/task_pb.js";
import type { Database } from "../../../db/database.js";
import type { Platform } from "../../../platform.js";
import type { Accepted as AcceptedChange, Planned } from "../deployment/accept.js";
import type { TaskRow } from "../task/work.js";
import { type RouteView, routeStore } from "./store.js";

/** What was accepted, or would be; a route that is gone by now is left out. */
export interface Accepted {
  readonly routes: readonly RouteView[];
  readonly task: TaskRow;
}

/** Takes down routes as a transaction leaves them. */
export type Made = (tx: Database, ids: readonly string[]) => Promise<void>;

/** A task that is about routes. */
export const taskOf = (routes: readonly string[]): Planned => ({ task: { kind: "route", params: { routes } } });

/** What a change of routes came to: as its transaction left them, or as they are when it was made before. */
export async function answerOf({ db }: Platform, change: (made: Made) => Promise<AcceptedChange>): Promise<Accepted> {
  let routes: readonly RouteView[] | undefined;
  const { task } = await change(async (tx, ids) => {
    routes = await routeStore.byIds(tx, ids);
  });
  if (task === undefined) throw new Error("a change of routes has no task");
  return { routes: routes ?? (await routeStore.byIds(db, task.params.routes ?? [])), task };
}

/** The options of a request without the version, which is not that of the deployment. */
export function withoutVersion(options: TaskOptions | undefined): TaskOptions | undefined {
  if (options === undefined) return undefined;
  const { expectedVersion: _, ...others } = options;
  return others;
}
