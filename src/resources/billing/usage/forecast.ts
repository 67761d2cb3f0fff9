import { amountOf } from "../money.js";
import type { PriceRow } from "../price/store.js";

/** A step of what a resource uses: so much from one time until another. */
export interface UseStep {
  readonly resource: string;
  readonly meter: PriceRow["meter"];
  readonly variant: string;
  /** Pieces or bytes. */
  readonly quantity: bigint;
  /** Whole seconds since 1970, as below. */
  readonly from: number;
  readonly until: number;
}

/** What a resource used at one price: a line of an invoice to be. */
export interface PricedLine {
  readonly resource: string;
  readonly price: PriceRow;
  readonly correction: boolean;
  /** Pieces or bytes, times seconds. */
  readonly quantity: bigint;
}

/** The price that holds from one time until another; undefined while the use costs nothing. */
interface PriceSpan {
  readonly price: PriceRow | undefined;
  readonly from: number;
  readonly until: number;
}

/** What lines cost, in minor units: each is rounded by itself, as on an invoice. */
export function costOf(lines: readonly PricedLine[]): bigint {
  return lines.reduce((sum, { price, quantity }) => sum + amountOf({ ...price, quantity }), 0n);
}

/** Lines with the use of the steps added, each step at the prices that hold while it lasts. */
export function withSteps(
  lines: readonly PricedLine[],
  steps: readonly UseStep[],
  prices: readonly PriceRow[],
): PricedLine[] {
  const sums = new Map(lines.map((line) => [keyOf(line), line]));
  const spansOf = priceSpans(prices);
  for (const { resource, meter, variant, quantity, from, until } of steps) {
    for (const span of spansOf(meter, variant)) {
      const seconds = Math.min(until, span.until) - Math.max(from, span.from);
      if (seconds <= 0 || span.price === undefined || quantity === 0n) continue;
      const added = { resource, price: span.price, correction: false, quantity: quantity * BigInt(seconds) };
      const known = sums.get(keyOf(added))?.quantity ?? 0n;
      sums.set(keyOf(added), { ...added, quantity: known + added.quantity });
    }
  }
  return [...sums.values()];
}

const keyOf = ({ resource, price, correction }: PricedLine): string => `${resource}/${price.id}/${correction}`;

/** When which price of a kind of use holds: that of its own product, and before there is one that of all kinds. */
function priceSpans(prices: readonly PriceRow[]): (meter: PriceRow["meter"], variant: string) => readonly PriceSpan[] {
  const known = new Map<string, readonly PriceSpan[]>();
  return (meter, variant) => {
    const key = `${meter}/${variant}`;
    const spans = known.get(key) ?? spansOf(prices.filter((price) => price.meter === meter && isFor(price, variant)));
    known.set(key, spans);
    return spans;
  };
}

const isFor = (price: PriceRow, variant: string): boolean => price.variant === variant || price.variant === "";

function spansOf(prices: readonly PriceRow[]): PriceSpan[] {
  const times = [...new Set(prices.map(({ validFrom }) => secondsOf(validFrom)))].sort((a, b) => a - b);
  return times.map((from, at) => ({ price: priceAt(prices, from), from, until: times[at + 1] ?? Infinity }));
}

function priceAt(prices: readonly PriceRow[], time: number): PriceRow | undefined {
  const begun = prices
    .filter(({ validFrom }) => secondsOf(validFrom) <= time)
    .sort((a, b) => b.validFrom.getTime() - a.validFrom.getTime());
  return begun.find(({ variant }) => variant !== "") ?? begun[0];
}

/** Whole seconds since 1970. */
export const secondsOf = (time: Date): number => Math.floor(time.getTime() / 1_000);
