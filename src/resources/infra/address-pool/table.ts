import { sql } from "drizzle-orm";
import { boolean, check, index, inet, pgTable, text, timestamp, uuid } from "drizzle-orm/pg-core";

/** Ranges of addresses that are handed out together, from the configuration or by an operator. */
export const addressPools = pgTable("address_pools", {
  id: uuid().primaryKey(),
  name: text().notNull().unique("address_pools_name"),
  /** Where the addresses are routed; without one, everywhere. */
  partition: text(),
  network: text().notNull(),
  description: text().notNull().default(""),
  enabled: boolean().notNull().default(true),
  /** Whether the configuration owns it. */
  configured: boolean().notNull(),
  createdAt: timestamp({ withTimezone: true }).notNull(),
  updatedAt: timestamp({ withTimezone: true }).notNull(),
});

/** The ranges of a pool; no two of all pools overlap (an exclusion constraint of the migration). */
export const addressRanges = pgTable(
  "address_ranges",
  {
    id: uuid().primaryKey(),
    pool: uuid()
      .notNull()
      .references(() => addressPools.id, { onDelete: "cascade" }),
    /** In CIDR notation, without host bits. */
    cidr: inet().notNull(),
  },
  (t) => [
    index("address_ranges_pool").on(t.pool),
    check("address_ranges_network", sql`${t.cidr} = network(${t.cidr})`),
  ],
);

/**
 * Addresses of a pool that nobody has: runs from `first` to `last`. Every address of a range is either in one of
 * these, or has a row in `ips`: allocated, or in quarantine.
 */
export const freeAddresses = pgTable(
  "free_addresses",
  {
    id: uuid().primaryKey(),
    pool: uuid()
      .notNull()
      .references(() => addressPools.id, { onDelete: "cascade" }),
    first: inet().notNull(),
    last: inet().notNull(),
  },
  (t) => [
    index("free_addresses_pool").on(t.pool),
    check("free_addresses_order", sql`family(${t.first}) = family(${t.last}) and ${t.first} <= ${t.last}`),
  ],
);
