import { pgTable, primaryKey, text, timestamp, uuid } from "drizzle-orm/pg-core";
import { clusters } from "../table.js";

/** What the platform did in each maintenance window of a cluster: at most once in each. */
export const maintenanceRuns = pgTable(
  "maintenance_runs",
  {
    cluster: uuid()
      .notNull()
      .references(() => clusters.id, { onDelete: "cascade" }),
    /** When the window began. */
    window: timestamp({ withTimezone: true }).notNull(),
    fromVersion: text().notNull(),
    /** The same as before when there was nothing to update. */
    toVersion: text().notNull(),
    at: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [primaryKey({ columns: [t.cluster, t.window] })],
);
