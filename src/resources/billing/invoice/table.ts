import { sql } from "drizzle-orm";
import {
  bigint,
  check,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";
import type { InvoiceIssuer, InvoiceParty } from "./party.js";

/** Issued invoices. They outlive their tenants, and but for their payment they never change. */
export const invoices = pgTable(
  "invoices",
  {
    id: uuid().primaryKey(),
    tenant: text().notNull(),
    number: text().notNull(),
    processor: text({ enum: ["ledger", "stripe"] }).notNull(),
    /** Id at the payment processor; empty for those of the ledger. */
    processorId: text().notNull().default(""),
    periodStart: timestamp({ withTimezone: true }).notNull(),
    periodEnd: timestamp({ withTimezone: true }).notNull(),
    currency: text().notNull(),
    /** Minor units, here and below. */
    subtotal: bigint({ mode: "bigint" }).notNull(),
    discount: bigint({ mode: "bigint" }).notNull(),
    coupon: bigint({ mode: "bigint" }).notNull(),
    vat: bigint({ mode: "bigint" }).notNull(),
    /** In hundredths of a percent. */
    vatBasisPoints: integer().notNull(),
    /** Said on the invoice, as of a reverse charge. */
    vatNote: text().notNull().default(""),
    balance: bigint({ mode: "bigint" }).notNull(),
    status: text({ enum: ["open", "paid", "void"] }).notNull(),
    /** The seller and the customer as they were then. */
    seller: jsonb().$type<InvoiceIssuer>().notNull(),
    customer: jsonb().$type<InvoiceParty>().notNull(),
    issuedAt: timestamp({ withTimezone: true }).notNull(),
    dueAt: timestamp({ withTimezone: true }).notNull(),
    paidAt: timestamp({ withTimezone: true }),
    paymentReference: text().notNull().default(""),
  },
  (t) => [
    uniqueIndex("invoices_number").on(t.processor, t.number),
    uniqueIndex("invoices_period").on(t.tenant, t.periodStart).where(sql`${t.status} <> 'void'`),
    index("invoices_open").on(t.dueAt).where(sql`${t.status} = 'open'`),
    check("invoices_status", sql`${t.status} in ('open', 'paid', 'void')`),
    check("invoices_paid", sql`(${t.status} = 'paid') = (${t.paidAt} is not null)`),
    check("invoices_discount", sql`${t.discount} >= 0 and ${t.coupon} >= 0 and ${t.balance} >= 0`),
  ],
);

/** The lines of invoices. */
export const invoiceLines = pgTable(
  "invoice_lines",
  {
    invoice: uuid()
      .notNull()
      .references(() => invoices.id),
    position: integer().notNull(),
    kind: text({ enum: ["usage", "correction", "discount", "coupon"] }).notNull(),
    description: text().notNull(),
    project: uuid(),
    projectName: text().notNull().default(""),
    resource: uuid(),
    resourceName: text().notNull().default(""),
    product: text().notNull().default(""),
    /** Units of the product, as a decimal number. */
    quantity: text().notNull().default(""),
    unitLabel: text().notNull().default(""),
    /** Minor units for a unit, as a decimal number. */
    unitAmount: text().notNull().default(""),
    /** Minor units. */
    amount: bigint({ mode: "bigint" }).notNull(),
  },
  (t) => [primaryKey({ columns: [t.invoice, t.position] })],
);

/** The last number of each year that was given to an invoice of the ledger: taken in the invoice's own transaction. */
export const invoiceNumbers = pgTable("invoice_numbers", {
  year: integer().primaryKey(),
  last: integer().notNull(),
});
