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
};
