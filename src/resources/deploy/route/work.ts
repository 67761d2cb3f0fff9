import type { Database } from "../../../db/database.js";
import type { Platform } from "../../../platform.js";
import { isLost, type TargetClients, targetClients } from "../deployment/works/clients.js";
import type { Kit } from "../deployment/works/wait.js";
import { leftMs, observed, pauseMs } from "../deployment/works/wait.js";
import type { InventoryEntry } from "../spec/content.js";
import type { Step, StepContext, StepOutcome, TaskEnd, TaskRow } from "../task/work.js";
import { entriesFor, forget, remember, routeEntries } from "./inventory.js";
import { placesOf, type Standing } from "./kube.js";
import { laterRoutes } from "./later.js";
import { queueLook } from "./look.js";
import { makeRoute, removeEverywhere, removeStrays, type Site } from "./make.js";
import { placeOf, planRoutes } from "./plan.js";
import { routeOf } from "./render.js";
import { type RouteRow, routeStore } from "./store.js";
import { runVariants } from "./variants.js";

/** How long certificates and addresses are waited for by a task; other tasks wait meanwhile. */
const patienceSeconds = 60;
const longest = 1_000;

/**
 * Steps that make a target what the routes of a deployment say: `variants` lets the releases run that have a share
 * beside the active one; `routes` makes the Ingresses, and removes those of routes that are deleted, or all when the
 * deployment is deleted or uninstalled. Releases without a share are removed by the step that prunes, after these; it
 * has to keep `routeEntries`.
 */
export function routeSteps(platform: Platform, targets: TargetClients = targetClients(platform)): readonly Step[] {
  const kit: Kit = { platform, targets };
  return [
    { name: "variants", run: (context) => observed(kit, context, "variants", () => runVariants(kit, context)) },
    { name: "routes", run: (context) => observed(kit, context, "routes", () => settleRoutes(kit, context)) },
  ];
}

/**
 * Says of routes that their task did not make them, in the transaction in which it ends; whoever calls it holds the
 * deployment's row. The next task of the deployment with the steps above makes them all the same.
 */
export async function routeTaskEnded(tx: Database, task: TaskRow, end: TaskEnd, message: string): Promise<void> {
  if (end === "succeeded") return;
  const why = `its task is ${end}${message === "" ? "" : `: ${message}`}`;
  for (const row of await routeStore.ofDeployment(tx, task.deployment)) {
    const state = row.state === "pending" ? "failed" : row.state;
    if (isAbout(task, row) && row.state !== "active" && row.state !== "failed") {
      await routeStore.mark(tx, row, { state, message: why });
    }
  }
}

/** How a route is, and whether it is looked at again. */
interface Settled {
  readonly row: RouteRow;
  readonly state: RouteRow["state"];
  readonly message: string;
  readonly isWaiting: boolean;
}

/** What has become of all routes of a deployment. */
interface Result {
  readonly settled: readonly Settled[];
  /** Routes of which nothing is left. */
  readonly ended: readonly string[];
  /** Objects that are gone. */
  readonly gone: readonly InventoryEntry[];
}

async function settleRoutes(kit: Kit, context: StepContext): Promise<StepOutcome> {
  const { deployment, signal } = context;
  const place = await placeOf(kit.platform, deployment);
  const rows = await routeStore.ofDeployment(kit.platform.db, deployment.id);
  const own = routeEntries(deployment, place.namespace);
  if (rows.length === 0 && own.length === 0) return { type: "skipped", message: "it has no routes" };
  const ids = rows.map(({ id }) => id);
  const look = kit.targets.use(place.target, async (client) => {
    const site: Site = {
      deployment: deployment.id,
      client,
      signal,
      place,
      own,
      places: await placesOf(client, ids, signal),
    };
    return await settleAll(kit, context, site, rows);
  });
  const result = await look.catch((error: unknown) => {
    if (isLost(error)) return lost(context, rows, own, error.message);
    throw error;
  });
  await context.write(async (tx, now) => {
    for (const { row, ...standing } of result.settled) await routeStore.mark(tx, row, standing);
    await routeStore.remove(tx, deployment.id, result.ended);
    await forget(tx, now, result.gone);
    if (result.settled.some(({ state }) => state === "pending")) await queueLook(tx, now.id, 0);
  });
  return outcomeOf(kit, context, result);
}

async function settleAll(kit: Kit, context: StepContext, site: Site, rows: readonly RouteRow[]): Promise<Result> {
  const isDelete = context.task.kind === "delete";
  const reason = reasonForNone(context);
  const isGoing = ({ state }: RouteRow): boolean => isDelete || state === "deleting";
  const later = await laterRoutes(kit.platform.db, site.deployment);
  const isLater = ({ id }: RouteRow): boolean => later.has(id) && reason === "" && !isDelete;
  const present = rows.filter((row) => !isLater(row));
  const staying = present.filter((row) => !isGoing(row) && reason === "");
  const plans = await planRoutes(kit.platform, context.deployment, staying, site);
  const manifests = plans.flatMap((plan) => plan.manifests ?? []);
  await context.write((tx, now) => remember(tx, now, entriesFor(site.place.target.id, manifests)));
  const isLate = (await leftMs(kit, context, "routes", patienceSeconds)) <= 0;
  const settled: Settled[] = [];
  const gone: InventoryEntry[] = [];
  const ended: string[] = [];
  for (const plan of plans) {
    const made = await makeRoute(site, plan);
    settled.push(settledOf(plan.row, made.standing, isLate));
    gone.push(...made.gone);
  }
  for (const row of present.filter((each) => !staying.includes(each))) {
    const isGone = await removeEverywhere(site, row);
    if (isGone) gone.push(...site.own.filter((entry) => routeOf(entry) === row.id));
    if (isGone && isGoing(row)) ended.push(row.id);
    else if (isGoing(row)) settled.push({ row, state: "deleting", message: "its Ingress is going", isWaiting: true });
    else settled.push({ row, state: "pending", message: reason, isWaiting: !isGone });
  }
  gone.push(...(await removeStrays(kit.platform.db, site, isDelete)));
  return { settled, ended, gone };
}

/** What was on a target that is gone is gone, too. */
function lost(
  context: StepContext,
  rows: readonly RouteRow[],
  own: readonly InventoryEntry[],
  message: string,
): Result {
  const going = rows.filter(({ state }) => context.task.kind === "delete" || state === "deleting");
  const left = rows.filter((row) => !going.includes(row));
  return {
    settled: left.map((row) => ({ row, state: "failed", message, isWaiting: false })),
    ended: going.map(({ id }) => id),
    gone: own,
  };
}

/** Why no route can be made now; empty when routes are made. */
function reasonForNone({ task, deployment }: StepContext): string {
  if (deployment.activeRelease === 0) return "it waits for the first release of its deployment";
  const isUninstalled = deployment.stopped === "uninstalled" && task.kind !== "start";
  const isLeaving = task.kind === "stop" && task.params.stopMode === "uninstall";
  return isUninstalled || isLeaving ? "its deployment is uninstalled" : "";
}

/** What is said of a route that was applied: what takes long is looked at after the task. */
function settledOf(row: RouteRow, standing: Standing, isLate: boolean): Settled {
  if (standing.isReady) return { row, state: "active", message: "", isWaiting: false };
  const { message, about } = standing;
  if (about === "problem") return { row, state: "failed", message, isWaiting: false };
  return { row, state: "pending", message, isWaiting: !isLate && row.state !== "failed" };
}

/** A task of kind `route` fails with the routes that it is about; others go on without them. */
function outcomeOf(kit: Kit, context: StepContext, { settled, ended }: Result): StepOutcome {
  const said = ({ row, message }: Settled): string => `${row.hostname}: ${message}`;
  const waiting = settled.filter(({ isWaiting }) => isWaiting);
  if (waiting.length > 0) {
    return { type: "wait", message: waiting.map(said).join("; ").slice(0, longest), afterMs: pauseMs(kit, context) };
  }
  const failed = settled.filter(({ state }) => state === "failed");
  const own = failed.filter(({ row }) => context.task.kind === "route" && isAbout(context.task, row));
  if (own.length > 0) return { type: "failed", message: own.map(said).join("; ").slice(0, longest) };
  const counts = [
    `${settled.length - failed.length} routes are made`,
    ...(ended.length > 0 ? [`${ended.length} are gone`] : []),
  ];
  return { type: "done", message: [counts.join(", "), ...failed.map(said)].join("; ").slice(0, longest) };
}

/** Whether a task is about a route: it names those that it changes. */
const isAbout = ({ params }: TaskRow, { id }: RouteRow): boolean => params.routes?.includes(id) ?? false;
