import { and, eq, lt } from "drizzle-orm";
import type { Database } from "../../../../db/database.js";
import { maintenanceRuns } from "./table.js";

export const maintenanceStore = {
  /** Takes a window for one run; false when it was taken before. */
  async take(tx: Database, run: typeof maintenanceRuns.$inferInsert): Promise<boolean> {
    const rows = await tx
      .insert(maintenanceRuns)
      .values(run)
      .onConflictDoNothing()
      .returning({ cluster: maintenanceRuns.cluster });
    return rows.length > 0;
  },

  /** Forgets windows before a time in which there was nothing to update. */
  async prune(db: Database, before: Date): Promise<void> {
    const nothing = eq(maintenanceRuns.fromVersion, maintenanceRuns.toVersion);
    await db.delete(maintenanceRuns).where(and(lt(maintenanceRuns.window, before), nothing));
  },
};
