import type { Database } from "../../../../db/database.js";
import type { Platform } from "../../../../platform.js";
import type { DraftLine } from "../../../billing/invoice/compute.js";
import { periodAfter } from "../../../billing/invoice/period.js";
import { divideDown } from "../../../billing/money.js";
import { type ProductUse, type TenantPeriod, usageStore } from "../../../billing/usage/store.js";
import { type Reported, stripeStore, type UsageReportRow } from "./store.js";

/** Stripe's meters count millionths of a minor unit. */
export const millionths = 1_000_000n;

const nanoPerMillionth = 1_000n;

/** What use of a product costs in millionths of a minor unit, rounded down; exact before that. */
export function costOf({ parts }: ProductUse): bigint {
  let [dividend, divisor] = [0n, 1n];
  for (const { quantity, price } of parts) {
    const size = price.unitSize * nanoPerMillionth;
    dividend = dividend * size + quantity * price.unitAmountNano * divisor;
    divisor *= size;
    const common = greatestCommonDivisor(dividend, divisor);
    dividend /= common;
    divisor /= common;
  }
  return divideDown(dividend, divisor);
}

/**
 * What Stripe has to have heard of each product for its lines to be those of our invoice: sums of our lines, each
 * rounded by itself. Stripe bills nothing below 0, so what one product takes back is taken off the others.
 */
export function settledCosts(lines: readonly Pick<DraftLine, "product" | "amount">[]): Map<string, bigint> {
  const costs = new Map<string, bigint>();
  for (const { product, amount } of lines) {
    if (product !== "") costs.set(product, (costs.get(product) ?? 0n) + amount * millionths);
  }
  let back = 0n;
  for (const [product, cost] of costs) {
    if (cost >= 0n) continue;
    back -= cost;
    costs.set(product, 0n);
  }
  for (const [product, cost] of costs) {
    const taken = cost < back ? cost : back;
    costs.set(product, cost - taken);
    back -= taken;
  }
  return costs;
}

/** Writes down what is to be reported of the use of tenants in their open periods, since the reports before. */
export async function addReports(
  platform: Pick<Platform, "db" | "newId">,
  periods: readonly TenantPeriod[],
  signal?: AbortSignal,
): Promise<void> {
  for (const { tenant, period } of periods) {
    signal?.throwIfAborted();
    await platform.db.transaction(async (tx) => {
      const meteredUntil = await usageStore.holdMeter(tx);
      const closedUntil = await usageStore.lockAccount(tx, tenant);
      // An invoice that was made meanwhile has settled it.
      if (meteredUntil === undefined || (closedUntil !== undefined && closedUntil > period)) return;
      const uses = await usageStore.costs(tx, { tenant, period });
      const wanted = new Map(uses.map((use) => [use.product, costOf(use)]));
      const span = { tenant, start: period, end: periodAfter(period) };
      await addDifferences(tx, platform.newId, { ...span, meteredUntil, wanted });
    });
  }
}

/** A time in whose reports something is to stand. */
export interface WantedReports {
  readonly tenant: string;
  readonly start: Date;
  readonly end: Date;
  readonly meteredUntil: Date;
  /** Millionths of a minor unit by product; products that are not in it cost nothing. */
  readonly wanted: ReadonlyMap<string, bigint>;
}

/** Adds reports of what is missing in those of a time; they belong to its last period. */
export async function addDifferences(tx: Database, newId: () => string, span: WantedReports): Promise<void> {
  const reported = await stripeStore.reported(tx, span.tenant, span.start, span.end);
  await stripeStore.addReports(tx, differences(span, reported, newId));
}

/** What Stripe has to count in a billing period, and what it has; in millionths of a minor unit by product. */
export interface CountedPeriod {
  readonly tenant: string;
  readonly period: Date;
  readonly wanted: ReadonlyMap<string, bigint>;
  readonly counted: ReadonlyMap<string, bigint>;
}

/** Adds reports of what is missing in Stripe's count of a period; false when nothing is. */
export async function addMissing(
  tx: Database,
  newId: () => string,
  { tenant, period, wanted, counted }: CountedPeriod,
): Promise<boolean> {
  const end = periodAfter(period);
  const reported = await stripeStore.reported(tx, tenant, period, end);
  const rows = [...counted].flatMap(([product, count]): UsageReportRow[] => {
    const value = (wanted.get(product) ?? 0n) - count;
    if (value === 0n) return [];
    const until = reported.get(product)?.until ?? end;
    return [{ id: newId(), tenant, product, period, meteredUntil: next(until), value, sentAt: null }];
  });
  await stripeStore.addReports(tx, rows);
  return rows.length > 0;
}

function differences(span: WantedReports, reported: Reported, newId: () => string): UsageReportRow[] {
  const { tenant, start, end, meteredUntil, wanted } = span;
  const last = new Date(Math.max(start.getTime(), Date.UTC(end.getUTCFullYear(), end.getUTCMonth() - 1)));
  return [...new Set([...wanted.keys(), ...reported.keys()])].sort().flatMap((product) => {
    const before = reported.get(product);
    const value = (wanted.get(product) ?? 0n) - (before?.value ?? 0n);
    // Late use may be found, and an invoice settled, without the meter going on: each report has a time of its own.
    const after = before === undefined || before.until < meteredUntil ? meteredUntil : next(before.until);
    const id = newId();
    return value === 0n ? [] : [{ id, tenant, product, period: last, meteredUntil: after, value, sentAt: null }];
  });
}

const next = (at: Date): Date => new Date(at.getTime() + 1);

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [left, right] = [a < 0n ? -a : a, b];
  while (right !== 0n) [left, right] = [right, left % right];
  return left === 0n ? 1n : left;
}
