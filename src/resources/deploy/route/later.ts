import type { Database } from "../../../db/database.js";
import { taskStore } from "../task/store.js";

/** Uuids of the routes of a deployment that a task is about whose time has not come: until then they stay as they are. */
export async function laterRoutes(db: Database, deployment: string): Promise<Set<string>> {
  const open = await taskStore.openTasks(db, deployment);
  return new Set(open.flatMap(({ state, params }) => (state === "scheduled" ? (params.routes ?? []) : [])));
}
