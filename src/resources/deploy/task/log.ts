import { and, asc, desc, eq, gt } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { taskLogLines } from "./table.js";

export type TaskLogRow = typeof taskLogLines.$inferSelect;

/** The logs of tasks; `leaseStore` writes them. */
export const taskLogStore = {
  /** The newest lines, in their order. */
  async newest(db: Database, task: string, most: number): Promise<TaskLogRow[]> {
    const rows = await db
      .select()
      .from(taskLogLines)
      .where(eq(taskLogLines.task, task))
      .orderBy(desc(taskLogLines.number))
      .limit(most);
    return rows.reverse();
  },

  /** The first lines after that number. */
  after(db: Database, task: string, line: number, most: number): Promise<TaskLogRow[]> {
    return db
      .select()
      .from(taskLogLines)
      .where(and(eq(taskLogLines.task, task), gt(taskLogLines.number, line)))
      .orderBy(asc(taskLogLines.number))
      .limit(most);
  },
};
