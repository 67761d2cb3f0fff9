import { and, eq, inArray, lte, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { deployments } from "../deployment/table.js";
import { deploymentTasks, taskLogLines } from "./table.js";
import type { DeploymentRow, TaskRow } from "./work.js";

/** Which attempt works on which task. */
export interface Lease {
  readonly task: string;
  /** A token of the attempt. */
  readonly owner: string;
}

/** The task is not this attempt's any more: it must not touch anything. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
  constructor() {
    super("another attempt works on the task, or it has ended");
  }
}

/** Most lines of a task's log; beyond, the oldest go. */
export const mostLogLines = 2_000;
const longestLogText = 4_000;
/** Older lines are deleted after so many new ones. */
const trimEvery = 100;

// The time of the database, for it is one and those of the workers are many.
const leaseEnd = sql`clock_timestamp() + interval '5 minutes'`;

/** Tells whether a lease ran out. */
export const isLapsed = sql<boolean>`${deploymentTasks.leaseUntil} <= clock_timestamp()`;

/** What an attempt writes, it writes through these: they do nothing without its lease. */
export const leaseStore = {
  /** Locks a deployment; undefined when there is none. */
  async lockDeployment(tx: Database, id: string): Promise<DeploymentRow | undefined> {
    const [row] = await tx.select().from(deployments).where(eq(deployments.id, id)).for("update");
    return row;
  },

  /** Takes a task that the transaction has locked, from whoever had it. */
  async take(tx: Database, { task, owner }: Lease, begin: Partial<TaskRow> = {}): Promise<TaskRow> {
    const [row] = await tx
      .update(deploymentTasks)
      .set({ ...begin, leaseOwner: owner, leaseUntil: leaseEnd })
      .where(eq(deploymentTasks.id, task))
      .returning();
    if (row === undefined) throw new Error("the write answered no row");
    return row;
  },

  /** The task, locked; throws LeaseLost unless the lease holds. */
  async lock(tx: Database, lease: Lease): Promise<TaskRow> {
    const [row] = await tx.select().from(deploymentTasks).where(holds(lease)).for("update");
    if (row === undefined) throw new LeaseLost();
    return row;
  },

  /** Lets the lease last anew; false when it is lost. */
  async renew(db: Database, lease: Lease): Promise<boolean> {
    const rows = await db
      .update(deploymentTasks)
      .set({ leaseUntil: leaseEnd })
      .where(holds(lease))
      .returning({ id: deploymentTasks.id });
    return rows.length > 0;
  },

  /** Writes how far the locked task is. */
  async progress(tx: Database, id: string, changes: Pick<TaskRow, "steps" | "message">): Promise<TaskRow> {
    const [row] = await tx
      .update(deploymentTasks)
      .set({ ...changes, leaseUntil: leaseEnd })
      .where(eq(deploymentTasks.id, id))
      .returning();
    if (row === undefined) throw new Error("the write answered no row");
    return row;
  },

  /** Writes a line to the log of the locked task. */
  async log(tx: Database, id: string, line: { step: string; text: string; at: Date }): Promise<void> {
    const [last] = await tx
      .select({ number: sql<number>`coalesce(max(${taskLogLines.number}), 0)::float8` })
      .from(taskLogLines)
      .where(eq(taskLogLines.task, id));
    const number = (last?.number ?? 0) + 1;
    const text = line.text.slice(0, longestLogText);
    await tx.insert(taskLogLines).values({ ...line, task: id, number, text });
    // Those who watch the task hear of its lines by its row.
    await tx.update(deploymentTasks).set({ leaseUntil: leaseEnd }).where(eq(deploymentTasks.id, id));
    if (number % trimEvery !== 0) return;
    await tx
      .delete(taskLogLines)
      .where(and(eq(taskLogLines.task, id), lte(taskLogLines.number, number - mostLogLines)));
  },
};

const holds = ({ task, owner }: Lease) =>
  and(
    eq(deploymentTasks.id, task),
    eq(deploymentTasks.leaseOwner, owner),
    inArray(deploymentTasks.state, ["running", "canceling"]),
    sql`${deploymentTasks.leaseUntil} > clock_timestamp()`,
  );
