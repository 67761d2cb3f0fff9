import type { BillingSettings } from "../../../billing.js";
import { withoutValues } from "../../../db/errors.js";
import type { Platform } from "../../../platform.js";
import { byTime } from "../usage/place.js";
import { type TenantPeriod, usageStore } from "../usage/store.js";
import { type DraftedInvoice, draftInvoice } from "./draft.js";
import { periodAfter, periodOf } from "./period.js";
import { invoiceStore } from "./store.js";
import { firstPeriod } from "./use.js";

/** What became of a billing period: `carried` when more was taken back than used, which the next invoice settles. */
export type Outcome = "issued" | "nothing" | "carried" | "early";

/** What issuing needs of the platform. */
export type IssueSources = Pick<Platform, "db" | "clock" | "newId" | "log">;

/** How far one run goes. */
export interface IssueRun {
  /** Where an earlier run stopped. */
  readonly after?: TenantPeriod | undefined;
  /** How many periods it takes on at most. */
  readonly limit: number;
  readonly signal?: AbortSignal;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/**
 * Issues the invoices of billing periods that are over and metered, each in a transaction of its own; answers where
 * the next run goes on, and undefined when this one came to the end. One that fails keeps no other back: it is
 * logged, and tried again at the next hour.
 */
export async function issueInvoices(
  sources: IssueSources,
  billing: BillingSettings,
  { after, limit, signal }: IssueRun,
): Promise<TenantPeriod | undefined> {
  const { db, clock, log } = sources;
  const until = billableUntil(clock(), await usageStore.meteredUntil(db), billing);
  const all = (await usageStore.openPeriods(db, until)).sort(byTime);
  const open = after === undefined ? all : all.filter((each) => byTime(each, after) > 0);
  const failed = new Set<string>();
  let last = after;
  for (const each of open.slice(0, limit)) {
    if (signal?.aborted) return last;
    last = each;
    // The later periods of a tenant would take in the one that failed.
    if (failed.has(each.tenant)) continue;
    await issueInvoice(sources, billing, each).catch((error: unknown) => {
      failed.add(each.tenant);
      log.error({ err: withoutValues(error), tenant: each.tenant, period: each.period }, "an invoice was not issued");
    });
  }
  return open.length > limit ? last : undefined;
}

/** Issues the invoice of a tenant's billing period, and of earlier ones that were carried to it. */
export async function issueInvoice(
  { db, clock, newId, log }: IssueSources,
  billing: BillingSettings,
  { tenant, period }: TenantPeriod,
): Promise<Outcome> {
  const end = periodAfter(period);
  const outcome = await db.transaction(async (tx): Promise<Outcome> => {
    const now = clock();
    if (billableUntil(now, await usageStore.holdMeter(tx), billing) < end) return "early";
    const closed = (await usageStore.lockAccount(tx, tenant)) ?? new Date(0);
    const start = await firstPeriod(tx, tenant, closed, end);
    if (start === undefined) return "nothing";
    const draft = await draftInvoice(tx, billing, { tenant, start, end });
    if (draft.net < 0n) return "carried";
    await usageStore.close(tx, tenant, end);
    if (draft.lines.length === 0) return "nothing";
    const number = await invoiceStore.nextNumber(tx, now.getUTCFullYear());
    const row = { ...factsOf(billing, draft, now), id: newId(), tenant, number, periodStart: start, periodEnd: end };
    await invoiceStore.insert(tx, { row, lines: draft.lines, taken: draft.taken }, newId);
    return "issued";
  });
  if (outcome === "carried")
    log.debug({ tenant, period }, "more was taken back than used: carried to the next invoice");
  return outcome;
}

/** Periods that end by then can be invoiced: they are over for long enough, and what was used in them is known. */
function billableUntil(now: Date, metered: Date | undefined, { invoiceDelayHours }: BillingSettings): Date {
  const settled = now.getTime() - invoiceDelayHours * hourMs;
  return periodOf(new Date(Math.min(settled, metered?.getTime() ?? 0)));
}

function factsOf(billing: BillingSettings, draft: DraftedInvoice, now: Date) {
  const { subtotal, discount, coupon, vat, balance, due, customer, vatTerms } = draft;
  const isPaid = due === 0n;
  return {
    processor: "ledger",
    currency: billing.currency,
    ...{ subtotal, discount, coupon, vat, balance },
    vatBasisPoints: vatTerms.basisPoints,
    vatNote: vatTerms.note,
    status: isPaid ? "paid" : "open",
    seller: billing.seller,
    customer,
    issuedAt: now,
    dueAt: new Date(now.getTime() + billing.paymentTermDays * dayMs),
    paidAt: isPaid ? now : null,
  } as const;
}
