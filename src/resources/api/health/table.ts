import { boolean, pgTable, text, timestamp } from "drizzle-orm/pg-core";

/** What the workers last saw of each partition's Kubernetes. */
export const partitionHealth = pgTable("partition_health", {
  partition: text().primaryKey(),
  reachable: boolean().notNull(),
  message: text().notNull(),
  changedAt: timestamp({ withTimezone: true }).notNull(),
  /** The last report; an old one means that no worker is running. */
  observedAt: timestamp({ withTimezone: true }).notNull(),
});
