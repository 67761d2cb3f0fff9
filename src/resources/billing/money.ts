import { formatDecimal } from "./decimal.js";

/** What use of a product is reckoned by: metered quantity times seconds, and the price of a unit of it. */
export interface PricedUse {
  readonly quantity: bigint;
  /** Quantity times seconds that make one unit; above 0. */
  readonly unitSize: bigint;
  /** Billionths of a minor unit. */
  readonly unitAmountNano: bigint;
}

const nanoPerMinor = 1_000_000_000n;
const wholeBasisPoints = 10_000n;

/** Divides and rounds to the nearest whole number; what is in the middle goes away from 0. The divisor is above 0. */
export function roundHalfUp(dividend: bigint, divisor: bigint): bigint {
  if (divisor <= 0n) throw new RangeError("the divisor must be above 0");
  const magnitude = dividend < 0n ? -dividend : dividend;
  const rounded = (2n * magnitude + divisor) / (2n * divisor);
  return dividend < 0n ? -rounded : rounded;
}

/** Divides and rounds down, below 0 as well. The divisor is above 0. */
export function divideDown(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  return dividend < 0n && quotient * divisor !== dividend ? quotient - 1n : quotient;
}

/** What use costs, in minor units. */
export function amountOf({ quantity, unitSize, unitAmountNano }: PricedUse): bigint {
  return roundHalfUp(quantity * unitAmountNano, unitSize * nanoPerMinor);
}

/** A part of an amount, given in hundredths of a percent. */
export function partOf(amount: bigint, basisPoints: number): bigint {
  return roundHalfUp(amount * BigInt(basisPoints), wholeBasisPoints);
}

const digits = new Map<string, number>();

/** How many digits of a currency's amounts stand behind the point: 2 for `eur`, 0 for `jpy`. */
export function minorDigitsOf(currency: string): number {
  const known = digits.get(currency);
  if (known !== undefined) return known;
  // What is no code at all must not keep an invoice from being shown.
  const isCode = /^[a-z]{3}$/i.test(currency);
  const format = new Intl.NumberFormat("en", isCode ? { style: "currency", currency } : { maximumFractionDigits: 2 });
  const count = format.resolvedOptions().maximumFractionDigits ?? 2;
  digits.set(currency, count);
  return count;
}

/** An amount of minor units for people, without its currency: `-1,234.50`. The same everywhere, whatever the locale. */
export function formatMinor(amount: bigint, currency: string): string {
  const places = minorDigitsOf(currency);
  const [whole = "", fraction = ""] = formatDecimal(amount, places).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return places === 0 ? grouped : `${grouped}.${fraction.padEnd(places, "0")}`;
}

/** An amount of minor units for people: `EUR 1,234.50`. */
export function formatMoney(amount: bigint, currency: string): string {
  return `${currency.toUpperCase()} ${formatMinor(amount, currency)}`;
}

/** Hundredths of a percent as a decimal number of percent: `12.5`. */
export function formatPercent(basisPoints: number): string {
  return formatDecimal(BigInt(basisPoints), 2);
}

/** Units of a product as a decimal number with that many places at most. */
export function formatUnits(quantity: bigint, unitSize: bigint, places: number): string {
  return formatDecimal(roundHalfUp(quantity * 10n ** BigInt(places), unitSize), places);
}
