import type { Stripe } from "stripe";
import type { Platform } from "../../../../platform.js";
import { periodAfter, periodOf } from "../../../billing/invoice/period.js";
import { type CustomerRow, customerStore } from "../store.js";
import { type Catalogue, meterEventName } from "./catalogue.js";
import { atSeconds, seconds } from "./client.js";
import type { StripeLink } from "./link.js";
import { stripeStore, type UsageReportRow } from "./store.js";

/** What sending needs of the platform. */
export type ReportSources = Pick<Platform, "db" | "clock" | "log"> & StripeLink;

const reportsAtOnce = 100;
const dayMs = 86_400_000;
/** Stripe remembers identifiers for a day at least; before that is over it is asked what it has counted. */
const identifiersKnownMs = 20 * 3_600_000;
/** Stripe takes events that are 35 days old at most. */
const oldestEventMs = 35 * dayMs - 3_600_000;
const uuidTimeDigits = 12;

/**
 * Sends the reports of a tenant's use that Stripe has not heard of, in their order, each exactly once; answers whether
 * none is left. Throws when Stripe does not take one: it and those after it wait for the next time.
 */
export async function sendReports(sources: ReportSources, tenant: string, signal: AbortSignal): Promise<boolean> {
  const { db, clock, access } = sources;
  for (;;) {
    const reports = await stripeStore.unsent(db, tenant, reportsAtOnce);
    if (reports.length === 0) return true;
    const customer = await customerStore.get(db, tenant);
    // Before the subscription is made nothing is billed: its job makes it, and the next run of this one sends.
    if (customer === undefined || customer.processor !== "stripe" || customer.subscriptionId === "") return false;
    const { start, finalUntil } = await access.call(
      (stripe) => readBilling(stripe, customer, reports, clock()),
      signal,
    );
    for (const report of reports) {
      signal.throwIfAborted();
      const at = eventTime(report.period, { now: clock(), start, finalUntil });
      if (at.isLate) tell(sources, report);
      await send(sources, { customer, report, at: at.time, start }, signal);
      await stripeStore.setSent(db, report.id, clock());
    }
  }
}

/** Since when Stripe bills the customer's use, and up to when it has done so. */
async function readBilling(stripe: Stripe, customer: CustomerRow, reports: readonly UsageReportRow[], now: Date) {
  const { created } = await stripe.subscriptions.retrieve(customer.subscriptionId);
  const isOver = reports.some(({ period }) => periodAfter(period) <= now);
  const { data } = isOver ? await stripe.invoices.list({ customer: customer.id, limit: 100 }) : { data: [] };
  const final = data.filter((invoice) => invoice.billing_reason === "subscription_cycle" && invoice.status !== "draft");
  return { start: atSeconds(created), finalUntil: atSeconds(Math.max(0, ...final.map((each) => each.period_end))) };
}

/** Whether Stripe still takes events of the last moment of a billing period. */
export const takesEventsOf = (end: Date, now: Date): boolean => end.getTime() - 1_000 >= now.getTime() - oldestEventMs;

/** When an event has to have been for Stripe to bill it with the first invoice that it can be on. */
export function eventTime(
  period: Date,
  { now, start, finalUntil }: { readonly now: Date; readonly start: Date; readonly finalUntil: Date },
): { readonly time: Date; readonly isLate: boolean } {
  const billed = new Date(Math.max(period.getTime(), periodOf(start).getTime(), periodOf(finalUntil).getTime()));
  const lastMoment = periodAfter(billed).getTime() - 1_000;
  const time = new Date(Math.min(now.getTime(), lastMoment));
  const isLate = time.getTime() < now.getTime() - oldestEventMs;
  return { time: isLate ? now : time, isLate };
}

interface Sending {
  readonly customer: CustomerRow;
  readonly report: UsageReportRow;
  readonly at: Date;
  readonly start: Date;
}

async function send(sources: ReportSources, { customer, report, at, start }: Sending, signal: AbortSignal) {
  await sources.access.call(async (stripe) => {
    if (isOld(report, sources.clock()) && (await isCounted(sources, stripe, { customer, report, at, start }))) return;
    const event = {
      event_name: meterEventName(report.product),
      payload: { stripe_customer_id: customer.id, value: String(report.value) },
      identifier: report.id,
      timestamp: seconds(at),
    };
    await stripe.billing.meterEvents.create(event).catch((error: unknown) => {
      if (!isKnown(error)) throw error;
    });
  }, signal);
}

/** Whether Stripe says that it has taken in an event with that identifier. */
function isKnown(error: unknown): boolean {
  return error instanceof Error && /already exists with identifier/.test(error.message);
}

/** Uuids of version 7 begin with the time when they were made. */
function isOld({ id }: UsageReportRow, now: Date): boolean {
  const madeAt = Number.parseInt(id.replaceAll("-", "").slice(0, uuidTimeDigits), 16);
  return now.getTime() - madeAt > identifiersKnownMs;
}

/**
 * Whether Stripe has counted a report whose answer was lost so long ago that its identifier may be forgotten: then
 * its count is what it was told of, and this one.
 */
async function isCounted(
  { db, clock, catalogue }: ReportSources,
  stripe: Stripe,
  { customer, report, start }: Sending,
) {
  const counted = await countOf(stripe, catalogue, {
    customer: customer.id,
    product: report.product,
    start,
    now: clock(),
  });
  const told = (await stripeStore.sentTotals(db, report.tenant)).get(report.product) ?? 0n;
  return counted === told + report.value;
}

/** What Stripe has counted of a customer's use of a product since its subscription began. */
export function countOf(
  stripe: Stripe,
  catalogue: Catalogue,
  {
    now,
    start,
    ...of
  }: { readonly customer: string; readonly product: string; readonly start: Date; readonly now: Date },
): Promise<bigint> {
  return countIn(stripe, catalogue, { ...of, from: periodOf(start), to: new Date(now.getTime() + 2 * dayMs) });
}

/** What Stripe has counted of a customer's use of a product from one day to another. */
export async function countIn(
  stripe: Stripe,
  catalogue: Catalogue,
  of: { readonly customer: string; readonly product: string; readonly from: Date; readonly to: Date },
): Promise<bigint> {
  const meter = await catalogue.meter(stripe, of.product);
  if (meter === undefined) return 0n;
  const { data } = await stripe.billing.meters.listEventSummaries(meter, {
    customer: of.customer,
    start_time: wholeDay(of.from),
    end_time: wholeDay(of.to),
  });
  return BigInt(Math.round(data.reduce((sum, { aggregated_value: value }) => sum + value, 0)));
}

const wholeDay = (at: Date): number => seconds(new Date(Math.floor(at.getTime() / dayMs) * dayMs));

function tell({ log }: ReportSources, { tenant, product, period }: UsageReportRow): void {
  log.warn(
    { tenant, product, period },
    "use is too old for Stripe to bill it with its period: it is billed with this one",
  );
}
