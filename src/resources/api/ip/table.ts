import { sql } from "drizzle-orm";
import { check, index, inet, pgTable, primaryKey, text, timestamp, uniqueIndex, uuid } from "drizzle-orm/pg-core";
import { addressPools } from "../../infra/address-pool/table.js";
import { clusters } from "../cluster/table.js";
import { projects } from "../project/table.js";

/** Addresses that projects have, and those in quarantine, which belong to nobody. */
export const ips = pgTable(
  "ips",
  {
    id: uuid().primaryKey(),
    pool: uuid()
      .notNull()
      .references(() => addressPools.id),
    address: inet().notNull(),
    /** Empty in quarantine. */
    project: uuid().references(() => projects.id),
    name: text().notNull(),
    description: text().notNull().default(""),
    type: text({ enum: ["ephemeral", "static"] }).notNull(),
    tags: text().array().notNull().default([]),
    createdAt: timestamp({ withTimezone: true }).notNull(),
    updatedAt: timestamp({ withTimezone: true }).notNull(),
    /** When it was released; it is not handed out again before. */
    quarantinedUntil: timestamp({ withTimezone: true }),
  },
  (t) => [
    uniqueIndex("ips_address").on(t.address),
    index("ips_project").on(t.project, t.id),
    index("ips_quarantine").on(t.pool, t.quarantinedUntil).where(sql`${t.quarantinedUntil} is not null`),
    check("ips_type", sql`${t.type} in ('ephemeral', 'static')`),
    check("ips_quarantined", sql`(${t.project} is null) = (${t.quarantinedUntil} is not null)`),
  ],
);

/** Services of type LoadBalancer that use an address. */
export const ipUses = pgTable(
  "ip_uses",
  {
    ip: uuid()
      .notNull()
      .references(() => ips.id, { onDelete: "cascade" }),
    cluster: uuid()
      .notNull()
      .references(() => clusters.id, { onDelete: "cascade" }),
    namespace: text().notNull(),
    service: text().notNull(),
    since: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [primaryKey({ columns: [t.ip, t.cluster, t.namespace, t.service] }), index("ip_uses_cluster").on(t.cluster)],
);
