import { and, asc, eq, gt, gte, inArray, isNotNull, isNull, lt, max, ne, sql } from "drizzle-orm";
import type { Database } from "../../../../db/database.js";
import { invoiceLines, invoices } from "../../../billing/invoice/table.js";
import { couponGrants, creditEntries, customers } from "../table.js";
import { processorEvents, usageReports } from "./table.js";

export type UsageReportRow = typeof usageReports.$inferSelect;
export type StripeInvoiceRow = typeof invoices.$inferSelect;

/** What was reported of the use of products, by product. */
export type Reported = ReadonlyMap<string, { readonly value: bigint; readonly until: Date }>;

/** What Stripe says of the payment of an invoice. */
export type InvoicePayment = Pick<StripeInvoiceRow, "status" | "paidAt" | "paymentReference">;

const total = sql<string>`coalesce(sum(${usageReports.value}), 0)`;

export const stripeStore = {
  /** Takes in an event; false when it was taken in before. */
  async takeEvent(tx: Database, id: string, type: string, receivedAt: Date): Promise<boolean> {
    const rows = await tx.insert(processorEvents).values({ id, type, receivedAt }).onConflictDoNothing().returning();
    return rows.length > 0;
  },

  /** Forgets events that nobody sends again. */
  async pruneEvents(db: Database, before: Date): Promise<void> {
    await db.delete(processorEvents).where(lt(processorEvents.receivedAt, before));
  },

  /** Those of the tenants that have an account at Stripe. */
  async tenants(db: Database): Promise<Set<string>> {
    const rows = await db.select({ tenant: customers.tenant }).from(customers).where(eq(customers.processor, "stripe"));
    return new Set(rows.map(({ tenant }) => tenant));
  },

  /** Of what was reported of a tenant's use in billing periods from one to another, sent or not. */
  async reported(db: Database, tenant: string, start: Date, end: Date): Promise<Reported> {
    const rows = await db
      .select({ product: usageReports.product, value: total, until: max(usageReports.meteredUntil) })
      .from(usageReports)
      .where(and(eq(usageReports.tenant, tenant), gte(usageReports.period, start), lt(usageReports.period, end)))
      .groupBy(usageReports.product);
    return new Map(
      rows.map(({ product, value, until }) => [product, { value: BigInt(value), until: until ?? new Date(0) }]),
    );
  },

  /** Until when the newest report says what was used; undefined before the first. */
  async reportedUntil(db: Database): Promise<Date | undefined> {
    const [row] = await db.select({ until: max(usageReports.meteredUntil) }).from(usageReports);
    return row?.until ?? undefined;
  },

  /** Adds reports; of two that were reckoned at the same time the first stays. */
  async addReports(tx: Database, rows: readonly (typeof usageReports.$inferInsert)[]): Promise<void> {
    if (rows.length > 0)
      await tx
        .insert(usageReports)
        .values([...rows])
        .onConflictDoNothing();
  },

  /** Tenants with reports that Stripe has not heard of, after one in their order. */
  async unsentTenants(db: Database, after: string, limit: number): Promise<string[]> {
    const rows = await db
      .selectDistinct({ tenant: usageReports.tenant })
      .from(usageReports)
      .where(and(isNull(usageReports.sentAt), sql`${usageReports.tenant} > ${after}`))
      .orderBy(asc(usageReports.tenant))
      .limit(limit);
    return rows.map(({ tenant }) => tenant);
  },

  /** The reports of a tenant that Stripe has not heard of, the oldest first. */
  async unsent(db: Database, tenant: string, limit: number): Promise<UsageReportRow[]> {
    return await db
      .select()
      .from(usageReports)
      .where(and(eq(usageReports.tenant, tenant), isNull(usageReports.sentAt)))
      .orderBy(asc(usageReports.meteredUntil), asc(usageReports.period), asc(usageReports.product))
      .limit(limit);
  },

  async setSent(db: Database, id: string, sentAt: Date): Promise<void> {
    await db
      .update(usageReports)
      .set({ sentAt })
      .where(and(eq(usageReports.id, id), isNull(usageReports.sentAt)));
  },

  /** The sum of all that Stripe heard of a tenant's use, by product. */
  async sentTotals(db: Database, tenant: string): Promise<Map<string, bigint>> {
    const rows = await db
      .select({ product: usageReports.product, value: total })
      .from(usageReports)
      .where(and(eq(usageReports.tenant, tenant), isNotNull(usageReports.sentAt)))
      .groupBy(usageReports.product);
    return new Map(rows.map(({ product, value }) => [product, BigInt(value)]));
  },

  /** The row of an invoice of Stripe, locked until the transaction ends. */
  async lockInvoice(tx: Database, processorId: string): Promise<StripeInvoiceRow | undefined> {
    const isIt = and(eq(invoices.processor, "stripe"), eq(invoices.processorId, processorId));
    const [row] = await tx.select().from(invoices).where(isIt).for("update");
    return row;
  },

  /** The end of the last billing period before one that a tenant has an invoice of, void or not. */
  async lastEnd(db: Database, tenant: string, before: Date): Promise<Date> {
    const [row] = await db
      .select({ end: max(invoices.periodEnd) })
      .from(invoices)
      .where(and(eq(invoices.tenant, tenant), lt(invoices.periodEnd, before)));
    return row?.end ?? new Date(0);
  },

  /** Whether a tenant has an invoice of Stripe of a billing period that ends after that time. */
  async hasLater(db: Database, tenant: string, end: Date): Promise<boolean> {
    const isLater = and(eq(invoices.tenant, tenant), eq(invoices.processor, "stripe"), gt(invoices.periodEnd, end));
    return (await db.$count(invoices, isLater)) > 0;
  },

  /** What invoices of Stripe left to later ones and none of these has yet, by product; in minor units. */
  async lateUse(db: Database, tenant: string): Promise<Map<string, bigint>> {
    const left = sql<string>`-sum(${invoiceLines.amount})`;
    const rows = await db
      .select({ product: invoiceLines.product, left })
      .from(invoiceLines)
      .innerJoin(invoices, eq(invoices.id, invoiceLines.invoice))
      .where(
        and(
          eq(invoices.tenant, tenant),
          eq(invoices.processor, "stripe"),
          eq(invoiceLines.kind, "correction"),
          isNull(invoiceLines.project),
          ne(invoiceLines.product, ""),
        ),
      )
      .groupBy(invoiceLines.product)
      .having(ne(left, sql`0`))
      .orderBy(invoiceLines.product);
    return new Map(rows.map(({ product, left }) => [product, BigInt(left)]));
  },

  /** What the books say of the payment of invoices of Stripe, by their ids there. */
  async statuses(db: Database, ids: readonly string[]): Promise<Map<string, StripeInvoiceRow["status"]>> {
    if (ids.length === 0) return new Map();
    const rows = await db
      .select({ id: invoices.processorId, status: invoices.status })
      .from(invoices)
      .where(and(eq(invoices.processor, "stripe"), inArray(invoices.processorId, [...ids])));
    return new Map(rows.map(({ id, status }) => [id, status]));
  },

  /** What becomes of an open invoice. */
  async setPayment(tx: Database, id: string, payment: InvoicePayment): Promise<void> {
    await tx
      .update(invoices)
      .set(payment)
      .where(and(eq(invoices.id, id), eq(invoices.status, "open")));
  },

  /** What an invoice took of credit. */
  async takenBy(tx: Database, invoice: string): Promise<(typeof creditEntries.$inferSelect)[]> {
    return await tx.select().from(creditEntries).where(eq(creditEntries.invoice, invoice));
  },

  /** Adds to the book of credit; an entry that is there is left alone. */
  async addCredit(tx: Database, rows: readonly (typeof creditEntries.$inferInsert)[]): Promise<void> {
    if (rows.length > 0)
      await tx
        .insert(creditEntries)
        .values([...rows])
        .onConflictDoNothing();
  },

  /** Which of these ids are coupon grants of the tenant. */
  async knownGrants(db: Database, tenant: string): Promise<Set<string>> {
    const rows = await db.select({ id: couponGrants.id }).from(couponGrants).where(eq(couponGrants.tenant, tenant));
    return new Set(rows.map(({ id }) => id));
  },

  /** Writes down what Stripe says of the payment method of an account; false when nothing is new. */
  async setPaymentMethod(
    tx: Database,
    id: string,
    { paymentMethodId, card }: Pick<typeof customers.$inferSelect, "paymentMethodId" | "card">,
    updatedAt: Date,
  ): Promise<boolean> {
    const news = sql`(${customers.paymentMethodId}, ${customers.card}) is distinct from
      (${paymentMethodId}::text, ${card === null ? null : JSON.stringify(card)}::jsonb)`;
    const rows = await tx
      .update(customers)
      .set({ paymentMethodId, card, updatedAt })
      .where(and(eq(customers.processor, "stripe"), eq(customers.id, id), news))
      .returning({ id: customers.id });
    return rows.length > 0;
  },
};
