import { sql } from "drizzle-orm";
import { bigint, boolean, check, integer, pgTable, text, timestamp, unique, uuid } from "drizzle-orm/pg-core";
import { tenants } from "../../api/tenant/table.js";

/** What a tenant means to spend in each billing period at most. */
export const budgets = pgTable(
  "budgets",
  {
    tenant: text()
      .primaryKey()
      .references(() => tenants.login, { onDelete: "cascade" }),
    /** Minor units. */
    amount: bigint({ mode: "bigint" }).notNull(),
    currency: text().notNull(),
    /** Percent of the amount. */
    thresholds: integer().array().notNull(),
    forecastThresholds: integer().array().notNull(),
    updatedAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [check("budgets_amount", sql`${t.amount} > 0`)],
);

/** Alerts that were given, append-only. */
export const budgetAlerts = pgTable(
  "budget_alerts",
  {
    id: uuid().primaryKey(),
    tenant: text()
      .notNull()
      .references(() => tenants.login, { onDelete: "cascade" }),
    period: timestamp({ withTimezone: true }).notNull(),
    threshold: integer().notNull(),
    forecast: boolean().notNull(),
    /** Minor units. */
    budget: bigint({ mode: "bigint" }).notNull(),
    amount: bigint({ mode: "bigint" }).notNull(),
    currency: text().notNull(),
    createdAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [unique("budget_alerts_once").on(t.tenant, t.period, t.threshold, t.forecast)],
);
