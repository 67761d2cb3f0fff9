import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { Database } from "../../../db/database.js";
import type { AttemptContext } from "../../../jobs/jobs.js";
import type { Platform } from "../../../platform.js";
import type { Claim } from "./claim.js";
import { endTask } from "./end.js";
import { failureOf } from "./failure.js";
import { type Hold, holdLease, TimeUp } from "./hold.js";
import { type Lease, LeaseLost, leaseStore } from "./lease.js";
import { planOf, settled, withStep } from "./progress.js";
import { queueTasks, queueTasksLater } from "./queue.js";
import type { StepRecord } from "./table.js";
import type { DeploymentRow, Step, StepContext, StepOutcome, TaskRow, Works } from "./work.js";

/** How long an attempt goes on. */
export interface AttemptLimits {
  /** A step that is not done by then is aborted; well below the deadline of jobs. */
  readonly attemptMs: number;
  readonly renewMs: number;
}

/** One attempt at one task. */
interface Attempt {
  readonly platform: Platform;
  readonly works: Works;
  readonly deployment: string;
  readonly lease: Lease;
  readonly hold: Hold;
  readonly log: Logger;
}

/** A step that has begun. */
interface Begun {
  readonly step: Step;
  readonly record: StepRecord;
  readonly task: TaskRow;
  readonly deployment: DeploymentRow;
}

/** How long an aborted step may take to notice. */
const graceMs = 3_000;

/** Works on a claimed task until it waits, ends, or is lost to another attempt. */
export async function workOn(
  platform: Platform,
  works: Works,
  { task, owner }: Claim,
  context: AttemptContext,
  limits: AttemptLimits,
): Promise<void> {
  const lease = { task: task.id, owner };
  const log = context.log.child({ deployment: task.deployment, deploymentTask: task.id });
  const hold = holdLease(platform, task, lease, { ...limits, signal: context.signal });
  const attempt: Attempt = { platform, works, deployment: task.deployment, lease, hold, log };
  try {
    for (let goesOn = true; goesOn; ) {
      if (hold.isShort()) return await queueTasks(platform.db, task.deployment);
      const begun = await beginStep(attempt);
      goesOn = begun !== undefined && (await recordStep(attempt, begun, await runStep(attempt, begun)));
    }
  } catch (error) {
    if (!(error instanceof LeaseLost)) throw error;
    log.info("another attempt works on the task, or it has ended");
  } finally {
    hold.release();
  }
}

/** Notes that the next step runs; ends the task when there is none. */
async function beginStep({ platform, works, deployment: id, lease }: Attempt): Promise<Begun | undefined> {
  const { db, clock } = platform;
  return await db.transaction(async (tx) => {
    const deployment = await leaseStore.lockDeployment(tx, id);
    const row = await leaseStore.lock(tx, lease);
    if (deployment === undefined) throw new LeaseLost();
    const plan = planOf(works[row.kind], row);
    const now = clock();
    if (plan.type === "end") {
      await endTask(tx, works, row, { ...plan, now });
      return undefined;
    }
    const { step } = plan;
    const known = plan.steps.find(({ name }) => name === step.name);
    if (known === undefined) throw new Error("the step has no record");
    if (known.state === "running") return { step, record: known, task: row, deployment };
    const record: StepRecord = { ...known, state: "running", startedAt: now.toISOString() };
    const steps = withStep(plan.steps, step.name, () => record);
    const task = await leaseStore.progress(tx, row.id, { steps, message: "" });
    return { step, record, task, deployment };
  });
}

/** What came of a step, and how often in a row it could not be done. */
interface Result {
  readonly outcome: StepOutcome;
  readonly counts: Pick<StepRecord, "away" | "defects">;
}

async function runStep(attempt: Attempt, begun: Begun): Promise<Result> {
  const { signal } = attempt.hold;
  const run = Promise.resolve().then(() => begun.step.run(contextOf(attempt, begun)));
  try {
    return { outcome: await orAborted(run, signal), counts: {} };
  } catch (error) {
    if (error instanceof LeaseLost || signal.reason instanceof LeaseLost) throw new LeaseLost();
    if (signal.reason instanceof TimeUp) {
      const late = await Promise.race([run.catch(() => undefined), sleep(graceMs, undefined)]);
      if (late?.type === "done" || late?.type === "skipped") return { outcome: late, counts: {} };
      const { away, defects, message } = begun.record;
      return { outcome: { type: "wait", message, afterMs: 0 }, counts: { away: away ?? 0, defects: defects ?? 0 } };
    }
    if (signal.aborted) throw signal.reason;
    return failureOf(error, begun.record, attempt.log);
  }
}

/** Notes what came of a step; true when the attempt goes on with the next one. */
async function recordStep(attempt: Attempt, begun: Begun, { outcome, counts }: Result): Promise<boolean> {
  const { platform, works, lease } = attempt;
  const { name } = begun.step;
  const { message = "" } = outcome;
  return await platform.db.transaction(async (tx) => {
    const row = await leaseStore.lock(tx, lease);
    const change = (record: StepRecord): StepRecord => ({ ...settled(record), ...ended(outcome, platform), message });
    if (outcome.type !== "wait") {
      await leaseStore.progress(tx, row.id, { steps: withStep(row.steps, name, change), message });
      return true;
    }
    const steps = withStep(row.steps, name, (record) => ({ ...settled(record), message, ...someOf(counts) }));
    const isNews = JSON.stringify(steps) !== JSON.stringify(row.steps) || row.message !== message;
    const task = isNews ? await leaseStore.progress(tx, row.id, { steps, message }) : row;
    const plan = planOf(works[task.kind], task);
    // It was canceled while it waited.
    if (plan.type !== "step" || plan.step.name !== name) return true;
    await queueTasksLater(tx, task.deployment, outcome.afterMs);
    return false;
  });
}

const endStates = { done: "succeeded", skipped: "skipped", failed: "failed", wait: "running" } as const;

function ended({ type }: StepOutcome, { clock }: Platform): Pick<StepRecord, "state" | "finishedAt"> {
  return { state: endStates[type], finishedAt: clock().toISOString() };
}

function someOf({ away = 0, defects = 0 }: Result["counts"]): Result["counts"] {
  return { ...(away === 0 ? {} : { away }), ...(defects === 0 ? {} : { defects }) };
}

function contextOf({ platform, lease, hold }: Attempt, { step, record, task, deployment }: Begun): StepContext {
  const { db, clock } = platform;
  const { signal } = hold;
  const guarded = async <T>(work: (tx: Database) => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    return await db.transaction(async (tx) => {
      const answer = await work(tx);
      // What an attempt that was given up still does is not committed.
      signal.throwIfAborted();
      return answer;
    });
  };
  return {
    task,
    deployment,
    since: new Date(record.startedAt ?? clock()),
    signal,
    log: (text) =>
      guarded(async (tx) => {
        await leaseStore.lock(tx, lease);
        await leaseStore.log(tx, task.id, { step: step.name, text, at: clock() });
      }),
    write: (work) =>
      guarded(async (tx) => {
        const locked = await leaseStore.lockDeployment(tx, task.deployment);
        await leaseStore.lock(tx, lease);
        if (locked === undefined) throw new LeaseLost();
        return await work(tx, locked);
      }),
  };
}

/** What the work answers, unless the signal aborts before. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
