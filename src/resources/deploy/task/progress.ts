import type { StepRecord } from "./table.js";
import type { Step, TaskEnd, TaskRow, Work } from "./work.js";

/** What is to be done next for a task. */
export type Plan =
  | { readonly type: "step"; readonly step: Step; readonly steps: readonly StepRecord[] }
  | {
      readonly type: "end";
      readonly end: Exclude<TaskEnd, "expired">;
      readonly message: string;
      readonly steps: readonly StepRecord[];
    };

/**
 * Where a task goes on, by what its row says: the first step that is neither done nor skipped; after a failure or a
 * cancellation, the first one that undoes it; or its end. A cancellation that comes too late, after the last step or
 * while the step ran after which it cannot be canceled, changes nothing.
 */
export function planOf(work: Work, task: TaskRow): Plan {
  const main = work.steps(task);
  const steps = recordsOf(main, task.steps);
  const next = steps.findIndex(({ state }) => !isDone(state));
  if (next === -1) return { type: "end", end: "succeeded", message: "", steps };
  const failed = steps.find(({ state }) => state === "failed");
  const isCanceled = task.state === "canceling" && work.uncancelable?.(task) === undefined;
  if (failed === undefined && !isCanceled) return stepAt(main, steps, next);
  const end = isCanceled ? "canceled" : "failed";
  const cause = end === "canceled" ? "it was canceled" : (failed?.message ?? "");
  return undoing(work, task, { end, cause, steps: steps.map((record) => interrupted(record, cause)) });
}

function undoing(
  work: Work,
  task: TaskRow,
  { end, cause, steps }: { end: "failed" | "canceled"; cause: string; steps: readonly StepRecord[] },
): Plan {
  const undo = work.undo?.(task, end) ?? [];
  const records = recordsOf(undo, task.steps);
  const next = records.findIndex(({ state }) => !isDone(state) && state !== "failed");
  const all = [...steps, ...records];
  if (next !== -1) return stepAt(undo, all, next);
  const failures = records.filter(({ state }) => state === "failed").map(({ message }) => message);
  const message = failures.length === 0 ? cause : `${cause}; what was done could not be undone: ${failures.join("; ")}`;
  return { type: "end", end, message, steps: all };
}

function stepAt(of: readonly Step[], steps: readonly StepRecord[], index: number): Plan {
  const step = of[index];
  if (step === undefined) throw new Error("there is no such step");
  return { type: "step", step, steps };
}

/** What is known of these steps; they may have changed since the task began, with the program. */
function recordsOf(steps: readonly Step[], known: readonly StepRecord[]): StepRecord[] {
  return steps.map(
    ({ name }) => known.find((record) => record.name === name) ?? { name, state: "waiting", message: "" },
  );
}

/** A step that was under way does not go on; those that never began stay as they are. */
export function interrupted(record: StepRecord, message: string, at?: Date): StepRecord {
  if (record.state !== "running") return record;
  return {
    ...settled(record),
    state: "failed",
    message,
    ...(at === undefined ? {} : { finishedAt: at.toISOString() }),
  };
}

/** The record of a step, changed. */
export function withStep(
  steps: readonly StepRecord[],
  name: string,
  change: (record: StepRecord) => StepRecord,
): StepRecord[] {
  return steps.map((record) => (record.name === name ? change(record) : record));
}

/** Without the counts of its attempts. */
export function settled({ name, state, message, startedAt, finishedAt }: StepRecord): StepRecord {
  return {
    name,
    state,
    message,
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
  };
}

/** Whether it need not run any more. */
export const isDone = (state: StepRecord["state"]): boolean => state === "succeeded" || state === "skipped";
