import { and, asc, desc, eq, lt, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import type { Page } from "../../api/paging.js";
import { creditEntries } from "../../api/payment/table.js";
import { isUuid } from "../../api/uuid.js";
import type { CreditTaken, DraftLine } from "./compute.js";
import { invoiceLines, invoiceNumbers, invoices } from "./table.js";

export type InvoiceRow = typeof invoices.$inferSelect;
export type InvoiceLineRow = typeof invoiceLines.$inferSelect;

/** An invoice as it is issued: its lines, and what it takes from credit. */
export interface NewInvoice {
  readonly row: typeof invoices.$inferInsert;
  /** In their order. */
  readonly lines: readonly DraftLine[];
  /** Amounts above 0, each source once. */
  readonly taken: readonly CreditTaken[];
}

/** What is overdue in one currency. */
export interface Overdue {
  readonly currency: string;
  readonly tenants: number;
  readonly invoices: number;
  /** Minor units. */
  readonly amount: bigint;
}

/** Which receivables are asked for; what is left out matches all. */
export interface ReceivableFilter {
  readonly tenant?: string | undefined;
  /** Only those that had to be paid before. */
  readonly dueBefore?: Date | undefined;
}

// A query has no more than 65,535 parameters.
const linesAtOnce = 2_000;

export const invoiceStore = {
  /** Issues an invoice, with its lines and what it takes from credit; fails when the period has one already. */
  async insert(tx: Database, { row, lines, taken }: NewInvoice, newId: () => string): Promise<void> {
    await tx.insert(invoices).values(row);
    const numbered = lines.map((line, position) => ({ ...line, invoice: row.id, position }));
    for (let at = 0; at < numbered.length; at += linesAtOnce) {
      await tx.insert(invoiceLines).values(numbered.slice(at, at + linesAtOnce));
    }
    if (taken.length === 0) return;
    const { tenant, currency, issuedAt } = row;
    const entry = { tenant, currency, invoice: row.id, at: issuedAt };
    await tx
      .insert(creditEntries)
      .values(taken.map(({ couponGrant, amount }) => ({ ...entry, id: newId(), couponGrant, amount: -amount })));
  },

  /**
   * Takes the next number of a year, as in `2026-00001`. Whoever needs one waits until the transaction ends, and a
   * number of one that fails is taken again: there are no gaps.
   */
  async nextNumber(tx: Database, year: number): Promise<string> {
    const [row] = await tx
      .insert(invoiceNumbers)
      .values({ year, last: 1 })
      .onConflictDoUpdate({ target: invoiceNumbers.year, set: { last: sql`${invoiceNumbers.last} + 1` } })
      .returning();
    return `${year}-${String(row?.last).padStart(5, "0")}`;
  },

  /** An invoice; undefined too for an id that is no uuid. */
  async get(db: Database, id: string): Promise<InvoiceRow | undefined> {
    if (!isUuid(id)) return undefined;
    const [row] = await db.select().from(invoices).where(eq(invoices.id, id));
    return row;
  },

  /** An invoice of a tenant; undefined too for those of others. */
  async getOf(db: Database, tenant: string, id: string): Promise<InvoiceRow | undefined> {
    const row = await invoiceStore.get(db, id);
    return row?.tenant === tenant ? row : undefined;
  },

  /** The lines of an invoice in their order. */
  async lines(db: Database, invoice: string): Promise<InvoiceLineRow[]> {
    return await db.select().from(invoiceLines).where(eq(invoiceLines.invoice, invoice)).orderBy(invoiceLines.position);
  },

  /** The invoices of a tenant, the newest first; a page and one more, or the newest 1,000. */
  async ofTenant(db: Database, tenant: string, page: Page = { limit: 999, offset: 0, page: 0 }): Promise<InvoiceRow[]> {
    return await db
      .select()
      .from(invoices)
      .where(eq(invoices.tenant, tenant))
      .orderBy(desc(invoices.periodStart), desc(invoices.issuedAt), desc(invoices.id))
      .limit(page.limit + 1)
      .offset(page.offset);
  },

  /** The open invoices, the longest due first: a page and one more. */
  async receivables(db: Database, filter: ReceivableFilter, page: Page): Promise<InvoiceRow[]> {
    const { tenant, dueBefore } = filter;
    return await db
      .select()
      .from(invoices)
      .where(
        and(
          eq(invoices.status, "open"),
          tenant === undefined ? undefined : eq(invoices.tenant, tenant),
          dueBefore && lt(invoices.dueAt, dueBefore),
        ),
      )
      .orderBy(asc(invoices.dueAt), asc(invoices.id))
      .limit(page.limit + 1)
      .offset(page.offset);
  },

  /** Marks an open invoice as paid; undefined when it is not open, or there is none. */
  async pay(db: Database, id: string, paidAt: Date, paymentReference: string): Promise<InvoiceRow | undefined> {
    const [row] = await db
      .update(invoices)
      .set({ status: "paid", paidAt, paymentReference })
      .where(and(eq(invoices.id, id), eq(invoices.status, "open")))
      .returning();
    return row;
  },

  /** What is overdue, by currency. */
  async overdue(db: Database, now: Date): Promise<Overdue[]> {
    const { subtotal, discount, coupon, vat, balance } = invoices;
    const rows = await db
      .select({
        currency: invoices.currency,
        tenants: sql<string>`count(distinct ${invoices.tenant})`.mapWith(Number),
        invoices: sql<string>`count(*)`.mapWith(Number),
        amount: sql<string>`sum(${subtotal} - ${discount} - ${coupon} + ${vat} - ${balance})`,
      })
      .from(invoices)
      .where(and(eq(invoices.status, "open"), lt(invoices.dueAt, now)))
      .groupBy(invoices.currency)
      .orderBy(invoices.currency);
    return rows.map((row) => ({ ...row, amount: BigInt(row.amount) }));
  },
};

/** What an invoice is about in all, and what is left to pay of it; in minor units. */
export function sumsOf(row: Pick<InvoiceRow, "subtotal" | "discount" | "coupon" | "vat" | "balance">) {
  const net = row.subtotal - row.discount - row.coupon;
  const total = net + row.vat;
  return { net, total, due: total - row.balance };
}

/** Whether an invoice is open after the time when it had to be paid. */
export const isOverdue = (row: Pick<InvoiceRow, "status" | "dueAt">, now: Date): boolean =>
  row.status === "open" && row.dueAt < now;
