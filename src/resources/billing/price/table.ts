import { sql } from "drizzle-orm";
import { check, integer, numeric, pgTable, text, timestamp, unique, uuid } from "drizzle-orm/pg-core";

/**
 * Prices as the configuration said them, each from a time on until the next of its product. A price that holds, or
 * held, does not change any more: what was used under it costs what it cost.
 */
export const prices = pgTable(
  "prices",
  {
    id: uuid().primaryKey(),
    product: text().notNull(),
    name: text().notNull(),
    description: text().notNull().default(""),
    /** What is metered, and which kind of it; an empty kind stands for all that have no product of their own. */
    meter: text({ enum: ["control_plane", "worker", "volume", "snapshot", "address"] }).notNull(),
    variant: text().notNull().default(""),
    /** Number of api.v1.ProductType. */
    productType: integer().notNull(),
    unitLabel: text().notNull(),
    /** Metered quantity times seconds that make one unit: 3600 for "cluster per hour", 2^30 × 3600 for "GiB per hour". */
    unitSize: numeric({ precision: 40, scale: 0 }).notNull(),
    /** Price of a unit in billionths of a minor unit. */
    unitAmountNano: numeric({ precision: 40, scale: 0 }).notNull(),
    currency: text().notNull(),
    /** A whole hour. */
    validFrom: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [
    unique("prices_product").on(t.product, t.validFrom),
    unique("prices_meter").on(t.meter, t.variant, t.validFrom),
    check("prices_amount", sql`${t.unitAmountNano} >= 0`),
    check("prices_unit", sql`${t.unitSize} > 0`),
    check("prices_hour", sql`extract(epoch from ${t.validFrom})::bigint % 3600 = 0`),
  ],
);
