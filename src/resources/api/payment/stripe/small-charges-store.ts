import { and, eq, lt, sql } from "drizzle-orm";
import type { Database } from "../../../../db/database.js";
import { invoices } from "../../../billing/invoice/table.js";
import { creditEntries } from "../table.js";

/** When and by what something was paid. */
export interface Paid {
  readonly paidAt: Date;
  readonly paymentReference: string;
}

// More is taken from the balance than the invoice says was paid by it: the rest is owed.
const isOwed = sql`exists (select from ${creditEntries} where ${creditEntries.invoice} = ${invoices.id}
  and ${creditEntries.couponGrant} is null and -${creditEntries.amount} > ${invoices.balance})`;

export const owedStore = {
  /** Marks the invoices of a tenant from before a time whose amount was too small to be charged as paid. */
  async pay(tx: Database, tenant: string, before: Date, paid: Paid): Promise<void> {
    const isOpen = and(eq(invoices.processor, "stripe"), eq(invoices.status, "open"), lt(invoices.issuedAt, before));
    await tx
      .update(invoices)
      .set({ ...paid, status: "paid" })
      .where(and(eq(invoices.tenant, tenant), isOpen, isOwed));
  },
};
