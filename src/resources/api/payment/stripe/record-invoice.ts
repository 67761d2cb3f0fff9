import type { Stripe } from "stripe";
import { v5 as uuidv5 } from "uuid";
import type { Database } from "../../../../db/database.js";
import type { CreditTaken, DraftLine } from "../../../billing/invoice/compute.js";
import { type BilledSpan, type DraftedInvoice, draftInvoice } from "../../../billing/invoice/draft.js";
import { periodOf } from "../../../billing/invoice/period.js";
import { invoiceStore } from "../../../billing/invoice/store.js";
import { usageStore } from "../../../billing/usage/store.js";
import type { CustomerRow } from "../store.js";
import { productOf } from "./catalogue.js";
import { atSeconds, idOf, type StripeAccess, seconds } from "./client.js";
import { closeAccount, type InvoiceSources } from "./close-period.js";
import { billedSpan, expectedUse, lateLines } from "./late-use.js";
import { type InvoicePayment, stripeStore } from "./store.js";

/** An invoice of Stripe in our words; amounts in minor units. */
export interface InvoiceFigures {
  readonly subtotal: bigint;
  readonly discount: bigint;
  readonly coupon: bigint;
  readonly vat: bigint;
  readonly balance: bigint;
}

/** What an invoice of Stripe says, with what it took of which coupon grant of ours. */
export interface ReadInvoice {
  readonly invoice: Stripe.Invoice;
  readonly figures: InvoiceFigures;
  /** What it bills of each product, before discounts and tax. */
  readonly billed: ReadonlyMap<string, bigint>;
  readonly taken: readonly CreditTaken[];
}

const dayMs = 86_400_000;
const pageSize = 100;
const beginning = new Date(0);
const expand = ["total_pretax_credit_amounts.credit_balance_transaction", "payments"];

/** Reads an invoice as it is now. */
export function readInvoice(access: StripeAccess, id: string, signal: AbortSignal): Promise<ReadInvoice> {
  return access.call(async (stripe) => {
    const invoice = await stripe.invoices.retrieve(id, { expand });
    const figures = figuresOf(invoice);
    const taken = await couponsTaken(stripe, invoice);
    const billed = await billedProducts(stripe, id);
    return { invoice, figures, billed, taken: [...taken, { couponGrant: null, amount: figures.balance }] };
  }, signal);
}

function figuresOf(invoice: Stripe.Invoice): InvoiceFigures {
  const credits = invoice.total_pretax_credit_amounts ?? [];
  const balance = invoice.total - invoice.amount_due;
  return {
    subtotal: BigInt(invoice.subtotal),
    discount: sum(invoice.total_discount_amounts ?? []),
    coupon: sum(credits.filter(({ type }) => type === "credit_balance_transaction")),
    vat: sum(invoice.total_taxes ?? []),
    balance: BigInt(Math.max(0, balance)),
  };
}

async function billedProducts(stripe: Stripe, id: string): Promise<Map<string, bigint>> {
  const billed = new Map<string, bigint>();
  for await (const { pricing, amount } of stripe.invoices.listLineItems(id, { limit: pageSize })) {
    const product = productOf(pricing?.price_details?.product);
    if (product !== undefined) billed.set(product, (billed.get(product) ?? 0n) + BigInt(amount));
  }
  return billed;
}

async function couponsTaken(stripe: Stripe, invoice: Stripe.Invoice): Promise<CreditTaken[]> {
  const taken = new Map<string, bigint>();
  for (const { amount, credit_balance_transaction: transaction } of invoice.total_pretax_credit_amounts ?? []) {
    if (typeof transaction !== "object" || transaction === null) continue;
    const grant = idOf(transaction.credit_grant) ?? "";
    taken.set(grant, (taken.get(grant) ?? 0n) + BigInt(amount));
  }
  const ours: CreditTaken[] = [];
  for (const [grant, amount] of taken) {
    const { metadata } = await stripe.billing.creditGrants.retrieve(grant);
    if (metadata.slipway !== undefined) ours.push({ couponGrant: metadata.slipway, amount });
  }
  return ours;
}

/** Brings an invoice that Stripe made final into our books, or what became of its payment since. */
export async function recordInvoice(sources: InvoiceSources, customer: CustomerRow, read: ReadInvoice): Promise<void> {
  const { db } = sources;
  const end = periodOf(atSeconds(read.invoice.period_end));
  const { tenant } = customer;
  await db.transaction(async (tx) => {
    // Whoever has the account is alone: of two jobs for one invoice the second finds its row.
    const closed = (await usageStore.lockAccount(tx, tenant)) ?? beginning;
    const row = await stripeStore.lockInvoice(tx, read.invoice.id);
    const payment = paymentOf(read.invoice);
    if (row !== undefined) {
      if (row.status !== payment.status) await stripeStore.setPayment(tx, row.id, payment);
      if (payment.status === "void" && row.status === "open") await giveBack(tx, sources, row.id);
      return;
    }
    // One that Stripe made final without waiting: what it does not know yet goes to the next.
    if (closed < end) await closeAccount(tx, sources, { tenant, end });
    await insertInvoice(tx, sources, { span: await billedSpan(tx, tenant, end), payment, read });
  });
}

interface NewStripeInvoice {
  readonly span: BilledSpan;
  readonly payment: InvoicePayment;
  readonly read: ReadInvoice;
}

async function insertInvoice(tx: Database, sources: InvoiceSources, { span, payment, read }: NewStripeInvoice) {
  const { billing, newId, clock } = sources;
  const { invoice, figures } = read;
  const { tenant, start: periodStart, end: periodEnd } = span;
  // Without use of its own, it came after one that has all of this time.
  if (await stripeStore.hasLater(tx, tenant, periodEnd)) return;
  const draft = await draftAsBilled(tx, sources, span, read);
  const lines = agreeingLines(draft, figures);
  if (lines.length === 0) return;
  tellDifference(sources, tenant, draft, read);
  const taken = payment.status === "void" ? [] : await ownCredit(tx, tenant, read);
  const issuedAt = atSeconds(invoice.status_transitions.finalized_at ?? seconds(clock()));
  const dueAt =
    invoice.due_date === null
      ? new Date(issuedAt.getTime() + billing.paymentTermDays * dayMs)
      : atSeconds(invoice.due_date);
  const row = {
    ...{ id: newId(), tenant, periodStart, periodEnd, ...figures, ...payment, issuedAt, dueAt },
    number: invoice.number ?? invoice.id,
    processor: "stripe" as const,
    processorId: invoice.id,
    currency: invoice.currency,
    vatBasisPoints: draft.vatTerms.basisPoints,
    vatNote: draft.vatTerms.note,
    seller: billing.seller,
    customer: draft.customer,
  };
  await invoiceStore.insert(tx, { row, lines, taken }, newId);
}

/** The invoice by our books, if Stripe billed what it did: what it did not is left to the next invoice. */
async function draftAsBilled(
  tx: Database,
  { billing, log }: InvoiceSources,
  span: BilledSpan,
  { invoice, billed }: ReadInvoice,
): Promise<DraftedInvoice> {
  const { lines, differs } = lateLines(await expectedUse(tx, billing, span), billed);
  const { tenant, end } = span;
  if (differs) {
    log.warn(
      { tenant, end, invoice: invoice.id },
      "Stripe did not bill all use in time: the next invoice has the rest",
    );
  }
  return await draftInvoice(tx, billing, span, lines);
}

/** What an invoice took of coupons and credit of ours. */
async function ownCredit(tx: Database, tenant: string, { taken }: ReadInvoice): Promise<CreditTaken[]> {
  const known = await stripeStore.knownGrants(tx, tenant);
  return taken.filter(({ couponGrant, amount }) => amount > 0n && (couponGrant === null || known.has(couponGrant)));
}

/** Our lines; where Stripe's sums are others, a line says so, for an invoice has to add up. */
function agreeingLines({ lines, ...draft }: DraftedInvoice, figures: InvoiceFigures): DraftLine[] {
  const off = [
    adjustment("correction", figures.subtotal - draft.subtotal),
    adjustment("discount", draft.discount - figures.discount),
    adjustment("coupon", draft.coupon - figures.coupon),
  ].filter(({ amount }) => amount !== 0n);
  return [...lines, ...off];
}

function adjustment(kind: DraftLine["kind"], amount: bigint): DraftLine {
  const nothing = { project: null, projectName: "", resource: null, resourceName: "", product: "" };
  const description = "Adjustment by the payment processor";
  return { kind, description, ...nothing, quantity: "", unitLabel: "", unitAmount: "", amount };
}

function tellDifference(
  { log }: InvoiceSources,
  tenant: string,
  draft: DraftedInvoice,
  { invoice, figures }: ReadInvoice,
) {
  const names = ["subtotal", "discount", "coupon", "vat", "balance"] as const;
  const differences = names
    .filter((name) => draft[name] !== figures[name])
    .map((name) => `${name}: ${draft[name]} here, ${figures[name]} at Stripe`);
  if (differences.length === 0) return;
  log.error(
    { tenant, invoice: invoice.id, differences },
    "an invoice of Stripe is not what our books say: its figures hold",
  );
}

function paymentOf({ status, status_transitions: at, payments }: Stripe.Invoice): InvoicePayment {
  if (status === "void") return { status: "void", paidAt: null, paymentReference: "" };
  if (status !== "paid") return { status: "open", paidAt: null, paymentReference: "" };
  const intent = payments?.data[0]?.payment.payment_intent;
  const paidAt = atSeconds(at.paid_at ?? at.finalized_at ?? 0);
  return { status: "paid", paidAt, paymentReference: idOf(intent) ?? "" };
}

/** Gives back the credit that a void invoice took, as Stripe does: the ids are made from those of what was taken. */
async function giveBack(tx: Database, { clock }: InvoiceSources, invoice: string): Promise<void> {
  const at = clock();
  const taken = await stripeStore.takenBy(tx, invoice);
  await stripeStore.addCredit(
    tx,
    taken.map((entry) => ({ ...entry, id: uuidv5(entry.id, invoice), amount: -entry.amount, invoice: null, at })),
  );
}

const sum = (parts: readonly { readonly amount: number }[]): bigint =>
  parts.reduce((total, { amount }) => total + BigInt(amount), 0n);
