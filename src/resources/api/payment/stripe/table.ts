import { sql } from "drizzle-orm";
import { bigint, index, pgTable, text, timestamp, unique, uuid } from "drizzle-orm/pg-core";

/**
 * What is to be told, or was told, to Stripe of the use of a product: the part of its cost that came with one
 * metering run, in millionths of a minor unit. The id is the idempotency key.
 */
export const usageReports = pgTable(
  "usage_reports",
  {
    id: uuid().primaryKey(),
    tenant: text().notNull(),
    product: text().notNull(),
    period: timestamp({ withTimezone: true }).notNull(),
    /** Until when the use is in the sum of all reports of the period. */
    meteredUntil: timestamp({ withTimezone: true }).notNull(),
    value: bigint({ mode: "bigint" }).notNull(),
    sentAt: timestamp({ withTimezone: true }),
  },
  (t) => [
    unique("usage_reports_once").on(t.tenant, t.product, t.period, t.meteredUntil),
    index("usage_reports_unsent").on(t.tenant).where(sql`${t.sentAt} is null`),
  ],
);

/** Webhook events that were taken in, so that each counts once. */
export const processorEvents = pgTable("processor_events", {
  id: text().primaryKey(),
  type: text().notNull(),
  receivedAt: timestamp({ withTimezone: true }).notNull(),
});
