import type { Stripe } from "stripe";
import type { BillingSettings } from "../../../../billing.js";
import type { Database } from "../../../../db/database.js";
import { DomainError } from "../../../../errors.js";
import type { Platform } from "../../../../platform.js";
import { draftInvoice } from "../../../billing/invoice/draft.js";
import { periodOf } from "../../../billing/invoice/period.js";
import { customerOf } from "../../../billing/invoice/terms.js";
import { firstPeriod } from "../../../billing/invoice/use.js";
import { vatOf } from "../../../billing/invoice/vat.js";
import { partOf } from "../../../billing/money.js";
import { usageStore } from "../../../billing/usage/store.js";
import { discountStore } from "../credit-store.js";
import type { CustomerRow } from "../store.js";
import { queueSync } from "../sync.js";
import type { Catalogue } from "./catalogue.js";
import { atSeconds, type StripeAccess } from "./client.js";
import { billedSpan, expectedCounts, expectedUse } from "./late-use.js";
import { addDifferences, addMissing, settledCosts } from "./reports.js";
import { countIn, countOf, sendReports, takesEventsOf } from "./send-reports.js";
import { stripeStore } from "./store.js";
import { termParams } from "./subscription.js";

/** What invoices of Stripe need of the platform. */
export interface InvoiceSources extends Pick<Platform, "db" | "clock" | "newId" | "log" | "processor"> {
  readonly access: StripeAccess;
  readonly catalogue: Catalogue;
  readonly billing: BillingSettings;
}

/** Whose billing periods are closed up to which end. */
export interface ClosedSpan {
  readonly tenant: string;
  /** Start of the first period with use that no invoice has. */
  readonly start: Date;
  readonly end: Date;
}

const hourMs = 3_600_000;
const beginning = new Date(0);

/**
 * Makes the draft of an invoice final, once all use of its period is known and Stripe has counted it; answers when to
 * look again, and undefined when it is done. Until then Stripe does not advance it by itself.
 */
export async function closePeriod(
  sources: InvoiceSources,
  customer: CustomerRow,
  invoice: Stripe.Invoice,
  signal: AbortSignal,
): Promise<Date | undefined> {
  const { access, clock, db, billing } = sources;
  const { id } = invoice;
  const end = periodOf(atSeconds(invoice.period_end));
  if (invoice.auto_advance !== false) {
    await access.call((stripe) => stripe.invoices.update(id, { auto_advance: false }), signal);
  }
  const settledAt = new Date(end.getTime() + billing.invoiceDelayHours * hourMs);
  if (clock() < settledAt) return settledAt;
  const metered = await usageStore.meteredUntil(db);
  if (metered === undefined || metered < end) return new Date(clock().getTime() + hourMs / 6);
  await db.transaction((tx) => closeAccount(tx, sources, { tenant: customer.tenant, end }));
  await sendReports(sources, customer.tenant, signal);
  await access.call((stripe) => demandCounted(stripe, sources, customer), signal);
  if (await reportLate(sources, customer, end, signal)) {
    await sendReports(sources, customer.tenant, signal);
    await access.call((stripe) => demandCounted(stripe, sources, customer), signal);
  }
  await access.call((stripe) => applyTerms(stripe, sources, customer, id), signal);
  const options = { idempotencyKey: `finalize-${id}` };
  await access.call((stripe) => stripe.invoices.finalizeInvoice(id, { auto_advance: true }, options), signal);
  return undefined;
}

/**
 * Closes a tenant's account up to the end of a period, and writes down what has to be reported for Stripe's lines to
 * be those of our invoice. What is taken back beyond what was used is given as credit. Undefined when it was closed.
 */
export async function closeAccount(
  tx: Database,
  { billing, clock, newId, processor }: Pick<InvoiceSources, "billing" | "clock" | "newId" | "processor">,
  { tenant, end }: Pick<ClosedSpan, "tenant" | "end">,
): Promise<void> {
  const metered = (await usageStore.holdMeter(tx)) ?? end;
  const closed = (await usageStore.lockAccount(tx, tenant)) ?? beginning;
  if (closed >= end) return;
  const start = (await firstPeriod(tx, tenant, closed, end)) ?? periodOf(new Date(end.getTime() - 1));
  const { lines, net, vatTerms } = await draftInvoice(tx, billing, { tenant, start, end });
  const meteredUntil = metered < end ? end : metered;
  await addDifferences(tx, newId, { tenant, start, end, meteredUntil, wanted: settledCosts(lines) });
  await usageStore.close(tx, tenant, end);
  if (net >= 0n) return;
  const amount = -(net + partOf(net, vatTerms.basisPoints));
  const given = { tenant, couponGrant: null, amount, currency: billing.currency, invoice: null, at: clock() };
  await stripeStore.addCredit(tx, [{ id: newId(), ...given }]);
  await queueSync(tx, { processor }, tenant);
}

/** Stripe counts events some time after it has taken them: an invoice that is final before has too little on it. */
async function demandCounted(
  stripe: Stripe,
  { db, clock, catalogue }: InvoiceSources,
  { id: customer, tenant, subscriptionId }: CustomerRow,
): Promise<void> {
  if ((await stripeStore.unsent(db, tenant, 1)).length > 0) {
    throw new DomainError("unavailable", "use is not reported yet: the invoice waits for it");
  }
  const start = atSeconds((await stripe.subscriptions.retrieve(subscriptionId)).created);
  for (const [product, told] of await stripeStore.sentTotals(db, tenant)) {
    const counted = await countOf(stripe, catalogue, { customer, product, start, now: clock() });
    if (counted !== told) throw new DomainError("unavailable", `Stripe has not counted all use of ${product} yet`);
  }
}

/**
 * Reports what Stripe has to bill with the invoice and does not know to be of its period, such as use of an earlier one
 * that came when its invoice was final. Everything must be counted. Answers whether there was any.
 */
async function reportLate(
  { access, catalogue, db, billing, newId, clock }: InvoiceSources,
  { id: customer, tenant }: CustomerRow,
  end: Date,
  signal: AbortSignal,
): Promise<boolean> {
  if (!takesEventsOf(end, clock())) return false;
  const period = periodOf(new Date(end.getTime() - 1));
  const wanted = expectedCounts(await expectedUse(db, billing, await billedSpan(db, tenant, end)));
  const counted = new Map<string, bigint>();
  for (const product of new Set([...wanted.keys(), ...(await stripeStore.sentTotals(db, tenant)).keys()])) {
    const of = { customer, product, from: period, to: end };
    counted.set(product, await access.call((stripe) => countIn(stripe, catalogue, of), signal));
  }
  return await db.transaction((tx) => addMissing(tx, newId, { tenant, period, wanted, counted }));
}

/** Discounts and tax may have changed since Stripe made the draft. */
async function applyTerms(
  stripe: Stripe,
  { db, billing, catalogue }: InvoiceSources,
  { tenant }: CustomerRow,
  invoice: string,
): Promise<void> {
  const { basisPoints } = vatOf(await customerOf(db, tenant), billing);
  const discounts = await discountStore.list(db, tenant);
  const terms = { discounts, currency: billing.currency, vatBasisPoints: basisPoints };
  const { default_tax_rates, discountsUnless } = await termParams(stripe, catalogue, terms);
  const { discounts: present } = await stripe.invoices.retrieve(invoice, { expand: ["discounts"] });
  await stripe.invoices.update(invoice, { default_tax_rates, ...discountsUnless(present) });
}
