import type { Stripe } from "stripe";
import { withoutValues } from "../../../../db/errors.js";
import { DomainError } from "../../../../errors.js";
import { addJob, type TaskHandler } from "../../../../jobs/jobs.js";
import { requestJob } from "../../../../jobs/request.js";
import { periodAfter, periodOf } from "../../../billing/invoice/period.js";
import { byTime, placeIn } from "../../../billing/usage/place.js";
import { usageStore } from "../../../billing/usage/store.js";
import { type CustomerRow, customerStore } from "../store.js";
import { queueSync } from "../sync.js";
import { atSeconds, idOf, seconds } from "./client.js";
import { closePeriod, type InvoiceSources } from "./close-period.js";
import { methodOf } from "./processor.js";
import { type ReadInvoice, readInvoice, recordInvoice } from "./record-invoice.js";
import { addReports } from "./reports.js";
import { sendReports } from "./send-reports.js";
import { openWhileOwed, settleOwed } from "./small-charges.js";
import { stripeStore } from "./store.js";
import { invoiceJob, invoiceTask } from "./webhook.js";

/** Names of the jobs that report use. */
export const reportTask = "stripe.report";
export const sendTask = "stripe.send";

const periodsAtOnce = 300;
const tenantsAtOnce = 50;
const sendersAtOnce = 8;
const pageSize = 100;
const lookBackDays = 40;
const mostInvoices = 10_000;
const dayMs = 86_400_000;
const leastDelayMs = 60_000;

/** Makes the draft of an invoice final when its time has come, or brings a final one into the books. */
export function handleInvoice(sources: InvoiceSources): TaskHandler {
  const { db, access, clock, log } = sources;
  return async (payload, { signal }) => {
    const { id } = payload as { readonly id: string };
    const read = await readInvoice(access, id, signal);
    const customer = await customerStore.byId(db, idOf(read.invoice.customer) ?? "");
    // What operators bill by themselves in the dashboard is theirs.
    if (customer?.processor !== "stripe" || read.invoice.billing_reason !== "subscription_cycle") {
      log.debug({ invoice: id }, "an invoice of Stripe that is not of our subscriptions");
      return;
    }
    const earlier = await earlierInvoice(sources, customer.tenant, read.invoice, signal);
    if (earlier !== undefined) {
      await requestJob(db, invoiceJob(earlier));
      await addJob(db, invoiceTask, { id }, laterJob(id, leastDelayMs));
      return;
    }
    if (read.invoice.status !== "draft") return takeIn(sources, customer, read);
    const again = await closePeriod(sources, customer, read.invoice, signal);
    if (again === undefined) return takeIn(sources, customer, await readInvoice(access, id, signal));
    await addJob(db, invoiceTask, { id }, laterJob(id, again.getTime() - clock().getTime()));
  };
}

/** An invoice of an earlier period that has to be in the books before: what it lacks is on the next one. */
async function earlierInvoice(
  { db, access }: InvoiceSources,
  tenant: string,
  { id, customer, period_end: end }: Stripe.Invoice,
  signal: AbortSignal,
): Promise<string | undefined> {
  const owner = idOf(customer);
  if (owner === undefined || (await stripeStore.statuses(db, [id])).has(id)) return undefined;
  const { data } = await access.call((stripe) => stripe.invoices.list({ customer: owner, limit: pageSize }), signal);
  const since = seconds(await stripeStore.lastEnd(db, tenant, periodOf(atSeconds(end))));
  const before = data
    .filter((each) => each.billing_reason === "subscription_cycle" && (each.status === "draft" || each.subtotal !== 0))
    .filter((each) => each.period_end > since && each.period_end < end)
    .sort((one, other) => one.period_end - other.period_end);
  return before[0]?.id;
}

/** Brings an invoice that is final into the books, with what it says of earlier ones. */
async function takeIn(sources: InvoiceSources, customer: CustomerRow, read: ReadInvoice): Promise<void> {
  await recordInvoice(sources, customer, openWhileOwed(read));
  await settleOwed(sources, customer, read);
}

/** The queue goes by the time of the database's machine, whatever the clock of this one says. */
function laterJob(id: string, delayMs: number) {
  const runAt = new Date(Date.now() + Math.max(delayMs, leastDelayMs));
  return { key: `${invoiceTask}:${id}:later`, queue: `${invoiceTask}:${id}`, runAt };
}

/** Brings into the books what Stripe says of the payment method of an account. */
export function handleAccount({ db, access, clock, processor }: InvoiceSources): TaskHandler {
  return async (payload, { signal }) => {
    const { id, adopts } = payload as { readonly id: string; readonly adopts: boolean };
    const row = await customerStore.byId(db, id);
    if (row?.processor !== "stripe") return;
    const account = await access.call(async (stripe) => methodOf(await readCustomer(stripe, id, adopts)), signal);
    await db.transaction(async (tx) => {
      const isNew = await stripeStore.setPaymentMethod(tx, id, account, clock());
      // How invoices are collected depends on whether there is a payment method.
      if (isNew) await queueSync(tx, { processor }, row.tenant);
    });
  };
}

const withMethod = { expand: ["invoice_settings.default_payment_method"] };

/** A customer; if it adopts, one without a payment method gets what a browser has just set up for it. */
async function readCustomer(stripe: Stripe, id: string, adopts: boolean): Promise<Stripe.Customer> {
  const customer = await stripe.customers.retrieve(id, withMethod);
  if (customer.deleted) throw new Error("the customer was deleted at Stripe: what it owes is not collected any more");
  if (!adopts || customer.invoice_settings.default_payment_method !== null) return customer;
  const { data } = await stripe.customers.listPaymentMethods(id, { limit: 1 });
  const [method] = data;
  if (method === undefined) return customer;
  return stripe.customers.update(id, { invoice_settings: { default_payment_method: method.id }, ...withMethod });
}

/** Reckons what is to be reported since the meter ran last, and has it sent. */
export function handleReport({ db, newId }: Pick<InvoiceSources, "db" | "newId">): TaskHandler {
  return async (payload, { signal }) => {
    const after = placeIn(payload);
    const [metered, reported] = [await usageStore.meteredUntil(db), await stripeStore.reportedUntil(db)];
    if (metered !== undefined && (after !== undefined || reported === undefined || reported < metered)) {
      const tenants = await stripeStore.tenants(db);
      const open = (await usageStore.openPeriods(db, periodAfter(metered))).filter(({ tenant }) => tenants.has(tenant));
      const rest = open.sort(byTime).filter((each) => after === undefined || byTime(each, after) > 0);
      await addReports({ db, newId }, rest.slice(0, periodsAtOnce), signal);
      const last = rest[periodsAtOnce - 1];
      if (rest.length > periodsAtOnce) return addJob(db, reportTask, { ...last }, { queue: reportTask });
    }
    await addJob(db, sendTask, {}, { key: sendTask, queue: sendTask });
  };
}

/** Sends what is to be reported, tenant by tenant; one that Stripe refuses keeps no other back. */
export function handleSend(sources: InvoiceSources): TaskHandler {
  const { db, log } = sources;
  return async (payload, { signal }) => {
    const { after = "" } = (payload ?? {}) as { readonly after?: string };
    const tenants = await stripeStore.unsentTenants(db, after, tenantsAtOnce);
    let failure: unknown;
    const sendOf = async (tenant: string): Promise<void> => {
      try {
        await sendReports(sources, tenant, signal);
      } catch (error) {
        signal.throwIfAborted();
        failure = error;
        log.warn({ err: withoutValues(error), tenant }, "use was not reported to Stripe; it will be sent later");
      }
    };
    for (let at = 0; at < tenants.length; at += sendersAtOnce) {
      await Promise.all(tenants.slice(at, at + sendersAtOnce).map(sendOf));
      // Who is away is not asked again for each of the others.
      if (failure instanceof DomainError && failure.kind === "unavailable") throw failure;
    }
    const last = tenants[tenantsAtOnce - 1];
    if (last !== undefined)
      await addJob(db, sendTask, { after: last }, { key: `${sendTask}:${last}`, queue: sendTask });
    if (failure !== undefined) throw failure;
  };
}

/** Finds the invoices whose events got lost: those of which the books say something else. */
export function handleLost({ db, access, clock }: InvoiceSources): TaskHandler {
  return async (_, { signal }) => {
    const since = Math.floor((clock().getTime() - lookBackDays * dayMs) / 1000);
    const all = await access.call(
      (stripe) =>
        stripe.invoices.list({ created: { gte: since }, limit: pageSize }).autoPagingToArray({ limit: mostInvoices }),
      signal,
    );
    const billed = all.filter(({ billing_reason: reason }) => reason === "subscription_cycle");
    const known = await stripeStore.statuses(
      db,
      billed.map(({ id }) => id),
    );
    const lost = billed.filter(({ id, status, subtotal }) => {
      const says = known.get(id);
      // Credit may have paid all of it.
      if (says === undefined) return status === "draft" || subtotal !== 0;
      return says === "open" && (status === "paid" || status === "void");
    });
    for (const { id } of lost) await requestJob(db, invoiceJob(id));
  };
}

/** Events are kept for longer than Stripe sends them again. */
export function handlePrune({ db, clock }: Pick<InvoiceSources, "db" | "clock">): TaskHandler {
  return () => stripeStore.pruneEvents(db, new Date(clock().getTime() - lookBackDays * dayMs));
}
