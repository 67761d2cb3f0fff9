import type { Database } from "../../../db/database.js";
import type { Platform } from "../../../platform.js";
import { writePlanned } from "../deployment/accept.js";
import { refuseWhileBusy } from "../deployment/rules.js";
import { deploymentStore } from "../deployment/store.js";
import { taskStore } from "../task/store.js";
import { taskOf } from "./answer.js";
import { routeStore } from "./store.js";

/**
 * Has the newest version of a TLS secret brought to the target for the routes of a deployment that are encrypted with
 * it, unless a task waits that does so. It may be called any number of times. Throws "exhausted" when too many wait.
 */
export async function renewRoutes(platform: Platform, tx: Database, id: string, secret: string): Promise<void> {
  const deployment = await deploymentStore.lockById(tx, id);
  if (deployment === undefined) return;
  const open = await taskStore.openTasks(tx, id);
  if (open.some(({ kind, state }) => kind === "delete" || (kind === "route" && state === "queued"))) return;
  refuseWhileBusy(deployment, open);
  const rows = await routeStore.ofSecret(tx, deployment.project, secret);
  const routes = rows.flatMap((row) => (row.deployment === id && row.state !== "deleting" ? [row.id] : []));
  if (routes.length === 0) return;
  await writePlanned(platform, tx, { order: { actor: "system" }, deployment, planned: taskOf(routes) });
}
