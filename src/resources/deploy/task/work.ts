import type { Database } from "../../../db/database.js";
import type { deployments } from "../deployment/table.js";
import type { deploymentTasks } from "./table.js";

export type TaskRow = typeof deploymentTasks.$inferSelect;
export type DeploymentRow = typeof deployments.$inferSelect;
export type TaskKindName = TaskRow["kind"];

/** How a step went. */
export type StepOutcome =
  | { readonly type: "done"; readonly message?: string }
  | { readonly type: "skipped"; readonly message: string }
  /** It is run again after that time, or sooner when the deployment's objects change; the task keeps its lease. */
  | { readonly type: "wait"; readonly message: string; readonly afterMs: number }
  /** The task fails, and what `undo` says is done. */
  | { readonly type: "failed"; readonly message: string };

/** What a step knows. */
export interface StepContext {
  readonly task: TaskRow;
  /** As it was when the step began. */
  readonly deployment: DeploymentRow;
  /** When this step began for the first time. */
  readonly since: Date;
  /** Aborts when the lease is lost, at the deadline, and when the worker stops. */
  readonly signal: AbortSignal;
  /** Writes a line to the task's log. */
  log(text: string): Promise<void>;
  /** A transaction that holds the deployment's row, and commits only while the lease is held; throws LeaseLost otherwise. */
  write<T>(work: (tx: Database, deployment: DeploymentRow) => Promise<T>): Promise<T>;
}

/**
 * A step of a task. It may run more than once, after a crash between any two of its effects, so each must bear
 * repetition. What it throws: a transient KubeError or DomainError "unavailable" or "timeout" lets it wait and run again
 * until the task's deadline; another DomainError or KubeError fails the task with its message; anything else is a defect,
 * tried a few times. An attempt has 45 s in all: a step that is not done by then is aborted and runs again, so one that
 * takes longer must answer "wait". Nothing secret may be in messages, names and lines of the log.
 */
export interface Step {
  /** Unique among the steps of its task, those that undo it included. */
  readonly name: string;
  run(context: StepContext): Promise<StepOutcome>;
}

/** How a task ended. */
export type TaskEnd = "succeeded" | "failed" | "canceled" | "expired";

/** What tasks of one kind do. */
export interface Work {
  /** The steps, in order; the same for the same task. */
  steps(task: TaskRow): readonly Step[];
  /** Steps that undo what was done when it failed or was canceled while it ran; they are shown after the others. */
  undo?(task: TaskRow, end: "failed" | "canceled"): readonly Step[];
  /**
   * Why it cannot be canceled any more, such as "it has removed objects already"; undefined when it can. Its steps say
   * how far it is; once it cannot, it never can again. A cancellation that comes while the step runs after which it
   * cannot be canceled is too late: the task goes on.
   */
  uncancelable?(task: TaskRow): string | undefined;
  /**
   * What is done instead of a task that failed, expired or was canceled, decided in the transaction that accepts it,
   * which holds the deployment's row and has checked that nothing newer was accepted. It checks what acceptance checks,
   * quotas among it, and throws "precondition" or "exhausted". Without it the new task is as the old one.
   */
  retry?(tx: Database, task: TaskRow, order: RetryOrder): Promise<RetryPlan>;
  /** In the transaction in which it ends, also when it never ran. Whoever calls it holds the deployment's row. */
  ended?(tx: Database, task: TaskRow, end: TaskEnd, message: string): Promise<void>;
}

/** Who wants a task done again. */
export interface RetryOrder {
  /** Locked. */
  readonly deployment: DeploymentRow;
  /** Uuid of the new task. */
  readonly task: string;
  /** As tasks name them. */
  readonly actor: string;
  readonly now: Date;
}

/** How a task is done again; what is left out is as in the old one. */
export interface RetryPlan {
  /** Number of the release that the new task makes run; the plan has inserted it. */
  readonly release?: number;
  readonly unitsAfter?: number;
  /** Names of steps that are done again though they succeeded; none unless it was undone: then all. */
  readonly redo?: readonly string[];
}

/** Works of all kinds. */
export type Works = Readonly<Record<TaskKindName, Work>>;
