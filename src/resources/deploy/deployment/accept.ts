import { eq } from "drizzle-orm";
import type { TaskOptions } from "../../../../gen/ts/deploy/v1/task_pb.js";
import type { Database } from "../../../db/database.js";
import { constraintOf } from "../../../db/errors.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { memberStore } from "../../api/member/store.js";
import { demandQuota } from "../quota/demand.js";
import { type ReleaseRow, releaseStore } from "../release/store.js";
import type { ReleaseChange, WholeRelease } from "../spec/content.js";
import { sealChange } from "../spec/seal.js";
import { queueTasks } from "../task/queue.js";
import { taskStore } from "../task/store.js";
import { deploymentTasks, type TaskParams } from "../task/table.js";
import type { TaskKindName, TaskRow } from "../task/work.js";
import { settlePhase } from "./phase.js";
import { executeAtOf } from "./request.js";
import { found, refuseStale, refuseWhileBusy } from "./rules.js";
import { type DeploymentChanges, type DeploymentKey, type DeploymentRow, deploymentStore } from "./store.js";
import { kept } from "./trial.js";

/** Who asks for a change, and how it is to be made. */
export interface ChangeOrder {
  /** As tasks name them: the id of a principal, or `system`. */
  readonly actor: string;
  readonly options?: TaskOptions | undefined;
  /** What tells the request from others that come with the same idempotency key: see `requestText`. */
  readonly request?: (() => string) | undefined;
  /** Whether it is accepted although the deployment is being deleted already. */
  readonly mayBeGoing?: boolean;
}

/** The deployment that is changed: one that is there, or one that is added to a project, which is held meanwhile. */
export type Subject = DeploymentKey | { readonly project: string; readonly id?: undefined };

/** A release that is to be made. */
export interface PlannedRelease {
  readonly cause: ReleaseRow["cause"];
  readonly change: ReleaseChange;
  /** For people; empty until the release is settled. */
  readonly summary: string;
  readonly rollbackOf?: number;
  /** Uuids of what it names, as far as it is known before it is settled: they are not deleted meanwhile. */
  readonly usesSecrets: readonly string[];
  readonly usesVolumeClaims: readonly string[];
  /** As it would be now; undefined while others wait that it may build on. */
  readonly draft: WholeRelease | undefined;
}

/** What a change comes to. */
export interface Planned {
  /** What changes of the deployment at once. */
  readonly changes?: DeploymentChanges;
  readonly release?: PlannedRelease;
  /** What is done later; nothing unless set. */
  readonly task?: {
    readonly kind: TaskKindName;
    readonly params?: TaskParams;
    /** Units that the deployment has when it is done; left out when they stay or fall. */
    readonly unitsAfter?: number | undefined;
  };
  /** Does at once what the task would, which has succeeded then. */
  readonly instead?: () => Promise<unknown>;
}

/**
 * Decides what a change comes to, in the transaction that holds the deployment; `open` are its tasks that have not ended,
 * and `at` is when the change is to be made.
 */
export type Plan = (tx: Database, deployment: DeploymentRow, open: readonly TaskRow[], at: Date) => Promise<Planned>;

/** What is known of a change before its transaction begins. */
export interface Prepared {
  readonly plan: Plan;
  /** Adds the deployment, where it is a new one. */
  readonly insert?: (tx: Database) => Promise<DeploymentRow>;
}

/** A release as it was accepted; `whole` is undefined while nobody can tell what it will be. */
export interface AcceptedRelease {
  readonly row: ReleaseRow;
  readonly whole: WholeRelease | undefined;
}

/** What was accepted, or would be. */
export interface Accepted {
  readonly deployment: DeploymentRow;
  readonly release?: AcceptedRelease | undefined;
  readonly task?: TaskRow | undefined;
  /** Whether the deployment was not there before. */
  readonly isNew?: boolean;
}

/** Keys are kept for so long. */
const keyMs = 7 * 86_400_000;

/**
 * Accepts a change of a deployment: its release and its task are there when it answers, or nothing is. The same
 * idempotency key with the same request answers the first task again. Throws DomainError: "missing" for a deployment
 * that is not there, "conflict" for another version than the expected one, "exists" for a key that came with another
 * request, "precondition" while it is being deleted, "exhausted" beyond a quota or when too many tasks wait, and what
 * `prepare` and its plan throw. What is asked of others belongs into `prepare`, outside of any transaction.
 */
export async function acceptChange(
  platform: Platform,
  order: ChangeOrder,
  subject: Subject,
  prepare: () => Promise<Prepared> | Prepared,
): Promise<Accepted> {
  const isTrial = order.options?.validateOnly === true;
  const earlier = (db: Database) => (isTrial ? undefined : replayed(platform, db, subject.project, order));
  const known = await earlier(platform.db);
  if (known !== undefined) return known;
  executeAtOf(order.options?.executeAt, platform.clock());
  const { plan, insert } = await prepare();
  return await kept(platform.db, !isTrial, async (tx) => {
    const locked = await lock(tx, subject);
    const same = await earlier(tx);
    if (same !== undefined) return same;
    if (locked !== undefined) refuseStale(locked, order.options?.expectedVersion);
    const deployment = locked ?? (await insert?.(tx));
    if (deployment === undefined) throw new Error("nothing adds the deployment");
    const open = await taskStore.openTasks(tx, deployment.id);
    if (order.mayBeGoing !== true) refuseWhileBusy(deployment, open);
    const at = executeAtOf(order.options?.executeAt, platform.clock());
    const planned = await plan(tx, deployment, open, at);
    return await writePlanned(platform, tx, { order, deployment, planned, isNew: locked === undefined });
  });
}

/** What is to be written of a deployment that the transaction holds. */
export interface Writing {
  readonly order: ChangeOrder;
  readonly deployment: DeploymentRow;
  readonly planned: Planned;
  readonly isNew?: boolean;
}

/**
 * Writes what a change comes to: for those who hold several deployments at once, and have checked each with
 * `refuseWhileBusy`. Throws "exhausted" beyond a quota.
 */
export async function writePlanned(
  platform: Platform,
  tx: Database,
  { order, deployment, planned, isNew = false }: Writing,
): Promise<Accepted> {
  const now = platform.clock();
  const { task, changes = {} } = planned;
  const { id, project, environment } = deployment;
  if (planned.changes === undefined && planned.release === undefined && task === undefined) return { deployment };
  if (task?.unitsAfter !== undefined) {
    const { unitsAfter } = task;
    await demandQuota(tx, { project, environment, deployment: id, newDeployments: 0, unitsAfter });
  }
  const release = planned.release && (await addRelease(platform, tx, { order, deployment, release: planned.release }));
  const numbers = release === undefined ? {} : { lastRelease: release.row.number };
  const written = { ...changes, ...numbers, updatedAt: now };
  const row = await deploymentStore.update(tx, id, written, { byCaller: !isNew });
  if (task === undefined) return { deployment: row, release };
  if (planned.instead !== undefined) return await doAtOnce(platform, tx, { order, deployment, planned }, task);
  const executeAt = executeAtOf(order.options?.executeAt, now);
  const added = await addTask(platform, tx, { order, deployment, task, release: release?.row.number, executeAt });
  await settlePhase(tx, id);
  await queueTasks(tx, id, executeAt > now ? executeAt : undefined);
  const [settled = row] = await deploymentStore.byIds(tx, [id]);
  return { deployment: settled, release, task: added, isNew };
}

async function doAtOnce(
  platform: Platform,
  tx: Database,
  { order, deployment, planned }: Writing,
  task: NonNullable<Planned["task"]>,
): Promise<Accepted> {
  const now = platform.clock();
  await planned.instead?.();
  const added = await addTask(platform, tx, { order, deployment, task, release: undefined, executeAt: now });
  const done = { state: "succeeded", startedAt: now, finishedAt: now } as const;
  const [ended = added] = await tx
    .update(deploymentTasks)
    .set(done)
    .where(eq(deploymentTasks.id, added.id))
    .returning();
  await settlePhase(tx, deployment.id);
  const [settled = deployment] = await deploymentStore.byIds(tx, [deployment.id]);
  return { deployment: settled, task: ended };
}

interface NewRelease {
  readonly order: ChangeOrder;
  readonly deployment: DeploymentRow;
  readonly release: PlannedRelease;
}

async function addRelease(
  { clock, newId, keyring }: Platform,
  tx: Database,
  { order, deployment, release }: NewRelease,
): Promise<AcceptedRelease> {
  const { cause, change, summary, rollbackOf = null, usesSecrets, usesVolumeClaims, draft } = release;
  const row = await releaseStore.insert(tx, {
    id: newId(),
    deployment: deployment.id,
    number: deployment.lastRelease + 1,
    cause,
    summary,
    rollbackOf,
    changeSealed: await sealChange(keyring, change),
    usesSecrets: [...usesSecrets],
    usesVolumeClaims: [...usesVolumeClaims],
    createdBy: order.actor,
    createdAt: clock(),
  });
  return { row, whole: draft };
}

interface NewTaskOrder {
  readonly order: ChangeOrder;
  readonly deployment: DeploymentRow;
  readonly task: NonNullable<Planned["task"]>;
  readonly release: number | undefined;
  readonly executeAt: Date;
}

async function addTask(
  { clock, newId, keyring }: Platform,
  tx: Database,
  { order, deployment, task, release, executeAt }: NewTaskOrder,
): Promise<TaskRow> {
  const { idempotencyKey = "", reason = "", validateOnly = false } = order.options ?? {};
  const key = validateOnly || order.request === undefined ? "" : idempotencyKey;
  const requestHash = key === "" ? "" : keyring.sign(purpose, order.request?.() ?? "");
  const row = {
    id: newId(),
    project: deployment.project,
    deployment: deployment.id,
    kind: task.kind,
    actor: order.actor,
    reason,
    executeAt,
    createdAt: clock(),
    release: release ?? null,
    params: task.params ?? {},
    unitsAfter: task.unitsAfter ?? null,
    idempotencyKey: key,
    requestHash,
  };
  try {
    return await taskStore.insert(tx, row);
  } catch (error) {
    throw constraintOf(error) === "deployment_tasks_idempotency" ? otherRequest(error) : error;
  }
}

/** Requests are signed rather than digested: what is secret in them could be guessed otherwise. */
const purpose = "idempotency";

/** What the same request with the same key has come to before. */
async function replayed(
  { keyring, clock }: Platform,
  db: Database,
  project: string,
  { options, request }: ChangeOrder,
): Promise<Accepted | undefined> {
  const key = options?.idempotencyKey ?? "";
  if (key === "" || request === undefined) return undefined;
  const task = await taskStore.earlierByKey(db, project, key);
  if (task === undefined) return undefined;
  if (task.createdAt.getTime() < clock().getTime() - keyMs) {
    await db.update(deploymentTasks).set({ idempotencyKey: "" }).where(eq(deploymentTasks.id, task.id));
    return undefined;
  }
  if (!keyring.verifies(purpose, request(), task.requestHash)) throw otherRequest();
  const [deployment] = await deploymentStore.byIds(db, [task.deployment]);
  const row = task.release === null ? undefined : await releaseStore.get(db, task.deployment, task.release);
  return { deployment: found(deployment, task.deployment), release: row && { row, whole: undefined }, task };
}

function otherRequest(cause?: unknown): DomainError {
  return new DomainError("exists", "options.idempotency_key: came with another request before: take a new one", {
    cause,
  });
}

async function lock(tx: Database, subject: Subject): Promise<DeploymentRow | undefined> {
  if (subject.id !== undefined) return found(await deploymentStore.lock(tx, subject), subject.id);
  await memberStore.lockProject(tx, subject.project);
  return undefined;
}
