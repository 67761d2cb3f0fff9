import { eq } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { settlePhase } from "../deployment/phase.js";
import { queueTasks } from "./queue.js";
import { deploymentTasks, type StepRecord } from "./table.js";
import type { TaskEnd, TaskRow, Works } from "./work.js";

/** How a task ends. */
export interface Ending {
  readonly end: TaskEnd;
  /** Why; empty when it succeeded. */
  readonly message: string;
  readonly steps: readonly StepRecord[];
  readonly now: Date;
}

/** Ends a task, whose row and whose deployment the transaction holds; what its kind has to say then, and the next one. */
export async function endTask(tx: Database, works: Works, task: TaskRow, ending: Ending): Promise<TaskRow> {
  const { end, message, steps, now } = ending;
  const [row] = await tx
    .update(deploymentTasks)
    .set({ state: end, message, steps, finishedAt: now, leaseOwner: null, leaseUntil: null })
    .where(eq(deploymentTasks.id, task.id))
    .returning();
  if (row === undefined) throw new Error("the write answered no row");
  await works[row.kind].ended?.(tx, row, end, message);
  await settlePhase(tx, row.deployment, { isNews: true });
  await queueTasks(tx, row.deployment);
  return row;
}
