import type { BillingSettings } from "../../../../billing.js";
import type { Database } from "../../../../db/database.js";
import type { DraftLine } from "../../../billing/invoice/compute.js";
import { type BilledSpan, draftInvoice } from "../../../billing/invoice/draft.js";
import { periodOf } from "../../../billing/invoice/period.js";
import { firstPeriod } from "../../../billing/invoice/use.js";
import { millionths, settledCosts } from "./reports.js";
import { stripeStore } from "./store.js";

/** What Stripe has to bill with an invoice; amounts in minor units, by product. */
export interface ExpectedUse {
  /** What was used costs in all; below 0 when corrections take back more than that. */
  readonly subtotal: bigint;
  /** The same by product, as it is reported: none is below 0. */
  readonly settled: ReadonlyMap<string, bigint>;
  /** What earlier invoices of Stripe did not have on them, or had too much. */
  readonly late: ReadonlyMap<string, bigint>;
}

/** The time of which an invoice of Stripe is that ends then: from the first use on that no earlier one has. */
export async function billedSpan(db: Database, tenant: string, end: Date): Promise<BilledSpan> {
  const before = await stripeStore.lastEnd(db, tenant, end);
  const start = (await firstPeriod(db, tenant, before, end)) ?? periodOf(new Date(end.getTime() - 1));
  return { tenant, start, end };
}

/** Reckons what Stripe has to bill for a span of a tenant that is closed. */
export async function expectedUse(db: Database, billing: BillingSettings, span: BilledSpan): Promise<ExpectedUse> {
  const { lines, subtotal } = await draftInvoice(db, billing, span);
  const settled = [...settledCosts(lines)].map(([product, cost]) => [product, cost / millionths] as const);
  return { subtotal, settled: new Map(settled), late: await stripeStore.lateUse(db, span.tenant) };
}

/** What Stripe has to count in the span for that, in millionths of a minor unit by product. */
export function expectedCounts({ settled, late }: ExpectedUse): Map<string, bigint> {
  return mapOver([settled, late], (product) => ((settled.get(product) ?? 0n) + (late.get(product) ?? 0n)) * millionths);
}

/**
 * The lines that an invoice needs beside those of its use to say what Stripe billed: what earlier invoices did not have
 * on them, and what this one leaves to the next. Of these lines of all invoices the sum is what is still to be billed.
 */
export function lateLines({ subtotal, settled, late }: ExpectedUse, billed: ReadonlyMap<string, bigint>) {
  const reported = [...settled.values()].reduce((sum, amount) => sum + amount, 0n);
  const missing = mapOver([settled, late, billed], (product) => {
    const expected = (settled.get(product) ?? 0n) + (late.get(product) ?? 0n);
    return (billed.get(product) ?? 0n) - expected;
  });
  return {
    /** Whether Stripe billed something else than it had to. */
    differs: [...missing.values()].some((amount) => amount !== 0n),
    lines: [
      line("Given as credit", "", reported - subtotal),
      ...[...late].map(([product, amount]) => line("Not charged by an earlier invoice", product, amount)),
      ...[...missing].map(([product, amount]) => line("Charged by a later invoice", product, amount)),
    ].filter(({ amount }) => amount !== 0n),
  };
}

function mapOver(maps: readonly ReadonlyMap<string, bigint>[], amountOf: (product: string) => bigint) {
  const products = new Set(maps.flatMap((map) => [...map.keys()]));
  return new Map([...products].sort().map((product) => [product, amountOf(product)]));
}

function line(description: string, product: string, amount: bigint): DraftLine {
  const nothing = { project: null, projectName: "", resource: null, resourceName: "" };
  return { kind: "correction", description, ...nothing, product, quantity: "", unitLabel: "", unitAmount: "", amount };
}
