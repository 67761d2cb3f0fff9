import { sql } from "drizzle-orm";
import { boolean, check, integer, pgTable, primaryKey, text, timestamp } from "drizzle-orm/pg-core";

/** What the workers last saw of each partition's Kubernetes. */
export const partitionHealth = pgTable("partition_health", {
  partition: text().primaryKey(),
  reachable: boolean().notNull(),
  message: text().notNull(),
  changedAt: timestamp({ withTimezone: true }).notNull(),
  /** The last report; an old one means that no worker is running. */
  observedAt: timestamp({ withTimezone: true }).notNull(),
});

/** What each probe says, of the whole platform or of one partition. */
export const probeStates = pgTable(
  "probe_states",
  {
    /** Such as "database" or "kubernetes". */
    probe: text().notNull(),
    /** Id of the partition; empty for the whole platform. */
    partition: text().notNull(),
    status: text({ enum: ["healthy", "degraded", "unhealthy"] }).notNull(),
    /** For everybody: what does not work, not why. */
    message: text().notNull(),
    /** How many results in a row are worse than `status`, or below zero: better. It changes only after some. */
    streak: integer().notNull().default(0),
    changedAt: timestamp({ withTimezone: true }).notNull(),
    observedAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.probe, t.partition] }),
    check("probe_states_status", sql`${t.status} in ('healthy', 'degraded', 'unhealthy')`),
  ],
);
