import { sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { partitionHealth } from "./table.js";

export type PartitionHealthRow = typeof partitionHealth.$inferSelect;

export const partitionHealthStore = {
  /** Records what a worker sees of a partition's Kubernetes now. */
  async report(
    db: Database,
    seen: { readonly partition: string; readonly reachable: boolean; readonly message: string; readonly at: Date },
  ): Promise<void> {
    const { partition, reachable, message, at } = seen;
    await db
      .insert(partitionHealth)
      .values({ partition, reachable, message, changedAt: at, observedAt: at })
      .onConflictDoUpdate({
        target: partitionHealth.partition,
        set: {
          reachable,
          message,
          observedAt: at,
          changedAt: sql`case when ${partitionHealth.reachable} = ${reachable} then ${partitionHealth.changedAt} else excluded.changed_at end`,
        },
      });
  },

  list(db: Database): Promise<PartitionHealthRow[]> {
    return db.select().from(partitionHealth).orderBy(partitionHealth.partition);
  },
};
