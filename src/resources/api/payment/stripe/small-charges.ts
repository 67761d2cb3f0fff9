import type { Stripe } from "stripe";
import { v5 as uuidv5 } from "uuid";
import { periodAfter } from "../../../billing/invoice/period.js";
import { usageStore } from "../../../billing/usage/store.js";
import type { CustomerRow } from "../store.js";
import { atSeconds, seconds } from "./client.js";
import type { InvoiceSources } from "./close-period.js";
import type { ReadInvoice } from "./record-invoice.js";
import { owedStore } from "./small-charges-store.js";
import { stripeStore } from "./store.js";

/**
 * What Stripe did not charge, as it is below its least charge: it calls the invoice paid, and the customer owes the
 * amount by its balance until the next invoice takes it along. Minor units; 0 for other invoices.
 */
export function leftOwing(
  invoice: Pick<Stripe.Invoice, "amount_due" | "total" | "starting_balance" | "ending_balance">,
): bigint {
  const { amount_due: due, total, starting_balance: before, ending_balance: after } = invoice;
  if (due !== 0 || after === null) return 0n;
  return BigInt(Math.max(0, Math.min(total, after - Math.max(0, before))));
}

/**
 * An invoice as the books have it: what Stripe did not charge is open, for nobody has paid it, and due once the next
 * invoice has had its time. In the book of credit the amount is taken all the same, as at Stripe: the balance is below
 * 0, and credit that is given pays it first.
 */
export function openWhileOwed(read: ReadInvoice): ReadInvoice {
  const { invoice, figures } = read;
  const owed = leftOwing(invoice);
  if (owed === 0n) return read;
  const finalizedAt = atSeconds(invoice.status_transitions.finalized_at ?? invoice.created);
  const due_date = seconds(periodAfter(periodAfter(finalizedAt)));
  return {
    ...read,
    figures: { ...figures, balance: figures.balance - owed },
    invoice: { ...invoice, status: "open", due_date },
  };
}

/**
 * Writes down what became of amounts that were not charged, by a later invoice that is in the books: Stripe added them
 * to what it charged, or credit had paid them before. Idempotent.
 */
export async function settleOwed(
  { db }: Pick<InvoiceSources, "db">,
  { tenant }: CustomerRow,
  { invoice }: ReadInvoice,
): Promise<void> {
  const { starting_balance: owed, ending_balance: left } = invoice;
  await db.transaction(async (tx) => {
    await usageStore.lockAccount(tx, tenant);
    const row = await stripeStore.lockInvoice(tx, invoice.id);
    if (row === undefined || left === null) return;
    const { id, currency, issuedAt, status, paidAt, paymentReference } = row;
    if (owed <= 0) return owedStore.pay(tx, tenant, issuedAt, { paidAt: issuedAt, paymentReference: "" });
    // It goes on to the next one.
    if (left > 0) return;
    const entry = { tenant, couponGrant: null, currency, at: issuedAt };
    // Ids of this version tell that Stripe did it by itself.
    await stripeStore.addCredit(tx, [{ ...entry, id: uuidv5("charged", id), amount: BigInt(owed), invoice: null }]);
    const owedAgain = { ...entry, id: uuidv5("void", id), amount: -BigInt(owed), invoice: id };
    if (status === "void") await stripeStore.addCredit(tx, [owedAgain]);
    if (paidAt !== null) await owedStore.pay(tx, tenant, issuedAt, { paidAt, paymentReference });
  });
}
