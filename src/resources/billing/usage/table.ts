import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  check,
  index,
  integer,
  numeric,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uuid,
} from "drizzle-orm/pg-core";
import { clusters } from "../../api/cluster/table.js";
import { prices } from "../price/table.js";

/**
 * What ran, append-only: from `at` on a resource uses that quantity of a meter and variant; 0 is the end. A fact
 * overrules what those with lower ids say of the time from its own `at` on, so that the last one is right about the
 * present even where clocks went back. Triggers write them beside every change of clusters, workers, volumes,
 * snapshots and addresses (migrations). The column xid, of which drizzle knows no type, is the transaction that
 * wrote it.
 */
export const usageFacts = pgTable(
  "usage_facts",
  {
    id: bigint({ mode: "bigint" }).primaryKey().generatedAlwaysAsIdentity(),
    tenant: text().notNull(),
    project: uuid().notNull(),
    projectName: text().notNull(),
    resource: uuid().notNull(),
    resourceName: text().notNull(),
    meter: text({ enum: ["control_plane", "worker", "volume", "snapshot", "address"] }).notNull(),
    /** Machine type of workers, storage class of volumes and snapshots, ephemeral or static for addresses. */
    variant: text().notNull(),
    /** Pieces, or bytes. */
    quantity: bigint({ mode: "bigint" }).notNull(),
    at: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [
    index("usage_facts_resource").on(t.resource, t.meter, t.variant, t.id),
    index("usage_facts_at").on(t.at),
    check("usage_facts_quantity", sql`${t.quantity} >= 0`),
  ],
);

/**
 * What was used in each hour, append-only. A run of the meter adds what is missing: the quantity times seconds of an
 * hour is the sum of its records, which may be below 0 after a late fact.
 */
export const usageRecords = pgTable(
  "usage_records",
  {
    id: bigint({ mode: "bigint" }).primaryKey().generatedAlwaysAsIdentity(),
    tenant: text().notNull(),
    project: uuid().notNull(),
    resource: uuid().notNull(),
    meter: text({ enum: ["control_plane", "worker", "volume", "snapshot", "address"] }).notNull(),
    variant: text().notNull(),
    /** Start of the hour. */
    hour: timestamp({ withTimezone: true }).notNull(),
    /** Start of the billing period that it is charged to: of the hour, or the first that was still open. */
    period: timestamp({ withTimezone: true }).notNull(),
    /** The price that held in the hour; null when it cost nothing. */
    price: uuid().references(() => prices.id),
    /** Pieces or bytes, times seconds. */
    quantity: numeric({ precision: 40, scale: 0 }).notNull(),
    meteredAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [
    index("usage_records_resource").on(t.resource, t.meter, t.variant, t.hour),
    index("usage_records_hour").on(t.hour),
    check("usage_records_hour", sql`extract(epoch from ${t.hour})::bigint % 3600 = 0`),
  ],
);

/** Sums of the records that have a price, kept by the meter in the same statement: the lines of invoices. */
export const usageTotals = pgTable(
  "usage_totals",
  {
    tenant: text().notNull(),
    period: timestamp({ withTimezone: true }).notNull(),
    project: uuid().notNull(),
    resource: uuid().notNull(),
    price: uuid()
      .notNull()
      .references(() => prices.id),
    /** Whether the use was in an earlier period, whose invoice had been issued. */
    correction: boolean().notNull(),
    quantity: numeric({ precision: 40, scale: 0 }).notNull(),
  },
  (t) => [primaryKey({ columns: [t.tenant, t.period, t.project, t.resource, t.price, t.correction] })],
);

/** Until when the meter has run: one row. The column snapshot, text, says which facts it has seen. */
export const metering = pgTable(
  "metering",
  {
    one: integer().primaryKey().default(1),
    meteredUntil: timestamp({ withTimezone: true }),
    snapshot: text(),
  },
  (t) => [check("metering_one", sql`${t.one} = 1`)],
);

/** Up to which billing period the invoices of a tenant have been issued; use before is charged to the one after. */
export const billingAccounts = pgTable("billing_accounts", {
  tenant: text().primaryKey(),
  closedUntil: timestamp({ withTimezone: true }).notNull(),
});

/** How many machines of each type run in a cluster: what was last seen, within what was ordered. */
export const clusterWorkers = pgTable(
  "cluster_workers",
  {
    cluster: uuid()
      .notNull()
      .references(() => clusters.id, { onDelete: "cascade" }),
    machineType: text().notNull(),
    machines: integer().notNull(),
    updatedAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.cluster, t.machineType] }),
    check("cluster_workers_machines", sql`${t.machines} >= 0`),
  ],
);
