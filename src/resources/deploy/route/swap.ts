import { and, desc, eq, lt, sql } from "drizzle-orm";
import { type RouteServiceSwapRequest, RouteServiceSwapRequestSchema } from "../../../../gen/ts/deploy/v1/route_pb.js";
import type { Database } from "../../../db/database.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { acceptChange, type Plan, writePlanned } from "../deployment/accept.js";
import { requestText } from "../deployment/request.js";
import { found, refuseStale, refuseWhileBusy } from "../deployment/rules.js";
import { type DeploymentRow, deploymentStore } from "../deployment/store.js";
import { releaseStore } from "../release/store.js";
import { settingsOf } from "../settings/store.js";
import type { ReleaseContent } from "../spec/content.js";
import type { TargetRow } from "../target/store.js";
import { taskStore } from "../task/store.js";
import { deploymentTasks } from "../task/table.js";
import type { TaskRow } from "../task/work.js";
import { answerOf, taskOf, withoutVersion } from "./answer.js";
import { refuseUnknownGoal, routerOf } from "./rules.js";
import { type RouteRow, type RouteView, routeStore } from "./store.js";
import { holdTarget, refuseBadTls, refuseForbiddenRouter } from "./wanted.js";

/** Both at once: what was accepted, or would be. */
export interface Swapped {
  readonly routes: readonly RouteView[];
  readonly tasks: readonly TaskRow[];
}

/** Exchanges all routes of two deployments; a task of each makes its Ingresses so. */
export async function swapRoutes(
  platform: Platform,
  actor: string,
  request: RouteServiceSwapRequest,
): Promise<Swapped> {
  const { project, environment, first, second, options } = request;
  // Everybody locks them in this order.
  const [id = first, otherId = second] = [first.toLowerCase(), second.toLowerCase()].sort();
  if (id === otherId) throw invalidField("second", "must be another deployment than the first");
  const text = () => requestText(RouteServiceSwapRequestSchema, request);
  const order = { actor, options: withoutVersion(options), request: text };
  let otherTask: TaskRow | undefined;
  const accepted = await answerOf(platform, (made) => {
    const plan: Plan = async (tx, deployment) => {
      const other = found(await deploymentStore.lock(tx, { project, environment, id: otherId }), otherId);
      refuseWhileBusy(other, await taskStore.openTasks(tx, otherId));
      refuseStale(deployment.id === first.toLowerCase() ? deployment : other, options?.expectedVersion);
      const ids = await exchange(platform, tx, deployment, other);
      // The key is that of the other task: there is one of each key.
      const its = { actor, options: order.options };
      otherTask = (await writePlanned(platform, tx, { order: its, deployment: other, planned: taskOf(ids) })).task;
      await made(tx, ids);
      return taskOf(ids);
    };
    return acceptChange(platform, order, { project, environment, id }, () => ({ plan }));
  });
  otherTask ??= await taskBeside(platform.db, accepted.task, otherId);
  const tasks = [accepted.task, ...(otherTask === undefined ? [] : [otherTask])];
  return { routes: accepted.routes, tasks: tasks.sort((task) => (task.deployment === first.toLowerCase() ? -1 : 1)) };
}

/** The task that was made with another one, for the other deployment. */
async function taskBeside(db: Database, task: TaskRow, deployment: string): Promise<TaskRow | undefined> {
  const [row] = await db
    .select()
    .from(deploymentTasks)
    .where(
      and(
        eq(deploymentTasks.deployment, deployment),
        eq(deploymentTasks.kind, "route"),
        sql`${deploymentTasks.params} = ${JSON.stringify(task.params)}::jsonb`,
        lt(deploymentTasks.id, task.id),
      ),
    )
    .orderBy(desc(deploymentTasks.id))
    .limit(1);
  return row;
}

/** Exchanges the routes of two deployments that are locked; answers all that moved. */
async function exchange(
  platform: Platform,
  tx: Database,
  one: DeploymentRow,
  other: DeploymentRow,
): Promise<readonly string[]> {
  if (one.target !== other.target) {
    throw new DomainError("precondition", `deployments ${one.name} and ${other.name} are on different targets`);
  }
  const target = await holdTarget(tx, one);
  const moving = [
    ...(await movable(tx, { from: one, to: other, target })),
    ...(await movable(tx, { from: other, to: one, target })),
  ];
  if (moving.length === 0) throw new DomainError("precondition", "neither of the deployments has a route");
  await routeStore.swap(tx, one.id, other.id, platform.clock());
  return moving.map(({ id }) => id);
}

interface Movement {
  readonly from: DeploymentRow;
  readonly to: DeploymentRow;
  readonly target: TargetRow;
}

/** The routes of a deployment, once it is sure that another one can have them. */
async function movable(tx: Database, { from, to, target }: Movement): Promise<RouteRow[]> {
  const rows = (await routeStore.ofDeployment(tx, from.id)).filter(({ state }) => state !== "deleting");
  const content = (await releaseStore.active(tx, to.id))?.content ?? undefined;
  if (rows.length > 0 && content === undefined) {
    throw new DomainError("precondition", `no release of deployment ${to.name} was active yet`);
  }
  for (const row of rows) {
    try {
      await refuseUnfit(tx, row, content, { from, to, target });
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      throw new DomainError("precondition", `route ${row.hostname} cannot lead to ${to.name}: ${error.message}`, {
        cause: error,
      });
    }
  }
  return rows;
}

async function refuseUnfit(
  tx: Database,
  row: RouteRow,
  content: ReleaseContent | undefined,
  { to: deployment, target }: Movement,
): Promise<void> {
  if (content !== undefined) refuseUnknownGoal(content, row);
  const router = routerOf(target.routers, row.router);
  await refuseForbiddenRouter(tx, deployment, router);
  if (row.tls.type !== "secret") return;
  const { hostname } = row;
  const settings = await settingsOf(tx, row.tenant);
  await refuseBadTls(tx, row.tls, { deployment, target, router, hostname, settings });
}
