import { sql } from "drizzle-orm";
import {
  bigint,
  check,
  index,
  integer,
  jsonb,
  pgTable,
  text,
  timestamp,
  unique,
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";
import type { CardFacts, PostalAddress } from "./processor.js";

/** Customer accounts. They outlive their tenants, as invoices do. */
export const customers = pgTable(
  "customers",
  {
    /** Login of the tenant. */
    tenant: text().primaryKey(),
    /** Id at the payment processor, 18 characters. */
    id: text().notNull(),
    processor: text({ enum: ["ledger", "stripe"] }).notNull(),
    subscriptionId: text().notNull().default(""),
    name: text().notNull().default(""),
    email: text().notNull().default(""),
    phoneNumber: text().notNull().default(""),
    /** Value added tax number, with the prefix of its country. */
    vat: text().notNull().default(""),
    address: jsonb().$type<PostalAddress>(),
    /** A reference: no number of a card or an account is ever here. */
    paymentMethodId: text(),
    card: jsonb().$type<CardFacts>(),
    /** Rises with every change that the processor has to hear of, and the one that it heard of last. */
    generation: bigint({ mode: "number" }).notNull().default(1),
    syncedGeneration: bigint({ mode: "number" }).notNull().default(0),
    createdAt: timestamp({ withTimezone: true }).notNull(),
    updatedAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [
    uniqueIndex("customers_id").on(t.id),
    check("customers_id_length", sql`char_length(${t.id}) = 18`),
    check("customers_processor", sql`${t.processor} in ('ledger', 'stripe')`),
    check("customers_card", sql`${t.card} is null or ${t.paymentMethodId} is not null`),
  ],
);

/** Coupons that operators can grant. How often one was granted, its grants say. */
export const coupons = pgTable(
  "coupons",
  {
    id: text().primaryKey(),
    name: text().notNull(),
    /** Minor units. */
    amountOff: bigint({ mode: "bigint" }).notNull(),
    currency: text().notNull(),
    durationInMonths: integer().notNull(),
    redeemBy: timestamp({ withTimezone: true }),
    maxRedemptions: integer(),
    createdAt: timestamp({ withTimezone: true }).notNull(),
    withdrawnAt: timestamp({ withTimezone: true }),
  },
  (t) => [
    check("coupons_amount", sql`${t.amountOff} > 0`),
    check("coupons_duration", sql`${t.durationInMonths} between 1 and 120`),
  ],
);

/** A coupon that a customer got. What is left of it, the credit entries say. */
export const couponGrants = pgTable(
  "coupon_grants",
  {
    id: uuid().primaryKey(),
    tenant: text()
      .notNull()
      .references(() => customers.tenant),
    coupon: text()
      .notNull()
      .references(() => coupons.id),
    grantedAt: timestamp({ withTimezone: true }).notNull(),
    /** What is left then is gone. */
    expiresAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [unique("coupon_grants_once").on(t.tenant, t.coupon), index("coupon_grants_coupon").on(t.coupon)],
);

/** The book of credit, append-only: what was given and what invoices took. The sum is what is left. */
export const creditEntries = pgTable(
  "credit_entries",
  {
    id: uuid().primaryKey(),
    tenant: text()
      .notNull()
      .references(() => customers.tenant),
    /** The coupon grant that it belongs to; null for the balance. */
    couponGrant: uuid().references(() => couponGrants.id),
    /** Minor units; below 0 for what an invoice took. */
    amount: bigint({ mode: "bigint" }).notNull(),
    currency: text().notNull(),
    /** The invoice that took it. */
    invoice: uuid(),
    at: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [
    index("credit_entries_tenant").on(t.tenant),
    // An invoice takes from each source once.
    uniqueIndex("credit_entries_invoice").on(t.invoice, sql`coalesce(${t.couponGrant}::text, '')`),
    check("credit_entries_sign", sql`(${t.invoice} is null) = (${t.amount} > 0)`),
  ],
);

/** Discounts on a tenant's use. */
export const discounts = pgTable(
  "discounts",
  {
    id: uuid().primaryKey(),
    tenant: text()
      .notNull()
      .references(() => customers.tenant),
    name: text().notNull(),
    /** Minor units in each billing period; or a part, in hundredths of a percent. */
    amountOff: bigint({ mode: "bigint" }),
    basisPointsOff: integer(),
    order: integer().notNull(),
    createdAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [
    index("discounts_tenant").on(t.tenant, t.order, t.createdAt),
    check("discounts_one", sql`(${t.amountOff} is null) <> (${t.basisPointsOff} is null)`),
    check("discounts_amount", sql`${t.amountOff} > 0`),
    check("discounts_part", sql`${t.basisPointsOff} between 1 and 10000`),
  ],
);
