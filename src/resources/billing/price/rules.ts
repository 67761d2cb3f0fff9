import type { BillingSettings, Product } from "../../../billing.js";
import { unitAmountText } from "./messages.js";
import type { PriceRow, PriceWords } from "./store.js";

const hourMs = 3_600_000;

/** What makes the stored prices those of the configuration. */
export interface PricePlan {
  /** Ids of prices that do not hold yet and are withdrawn or replaced. */
  readonly remove: readonly string[];
  readonly add: readonly Omit<PriceRow, "id">[];
  readonly rename: readonly { readonly product: string; readonly words: PriceWords }[];
}

/**
 * Compares the prices of the configuration with the stored ones. What is to come may change; what holds or held may
 * not, for use was charged by it: then it throws an error that names every contradiction and what to do about it.
 */
export function planPrices(stored: readonly PriceRow[], settings: BillingSettings, now: Date): PricePlan {
  const wanted = settings.products.flatMap((product) => rowsOf(product, settings.currency));
  const holds = ({ validFrom }: Pick<PriceRow, "validFrom">): boolean => validFrom <= now;
  const faults = [
    ...currencyFaults(stored, settings.currency),
    ...changeFaults(stored.filter(holds), wanted, now),
    ...removalFaults(stored.filter(holds), wanted, now),
    ...pastFaults(stored.filter(holds), wanted.filter(holds), now),
  ];
  if (faults.length > 0) throw new Error(`prices of the billing file: ${faults.join("; ")}`);
  const stays = (row: PriceRow): boolean =>
    holds(row) || wanted.some((price) => sameTime(price, row) && same(price, row));
  const kept = stored.filter(stays);
  return {
    remove: stored.filter((row) => !stays(row)).map(({ id }) => id),
    add: wanted.filter((price) => !kept.some((row) => sameTime(price, row))),
    rename: settings.products
      .filter((product) => kept.some((row) => row.product === product.id && !sameWords(product, row)))
      .map((product) => ({ product: product.id, words: product })),
  };
}

function rowsOf(product: Product, currency: string): Omit<PriceRow, "id">[] {
  const { id, prices, ...facts } = product;
  return prices.map((price) => ({ product: id, ...facts, ...price, currency }));
}

type Price = Omit<PriceRow, "id">;

const sameTime = (a: Price, b: Price): boolean =>
  a.product === b.product && a.validFrom.getTime() === b.validFrom.getTime();

/** Whether use costs the same under both. */
const same = (a: Price, b: Price): boolean =>
  a.meter === b.meter &&
  a.variant === b.variant &&
  a.unitSize === b.unitSize &&
  a.unitAmountNano === b.unitAmountNano &&
  a.currency === b.currency;

const sameWords = (a: PriceWords, b: PriceWords): boolean =>
  a.name === b.name &&
  a.description === b.description &&
  a.unitLabel === b.unitLabel &&
  a.productType === b.productType;

function currencyFaults(stored: readonly Price[], currency: string): string[] {
  const other = stored.find((row) => row.currency !== currency);
  if (other === undefined) return [];
  return [`the currency is ${other.currency} since there are prices, and the file says ${currency}: it must stay`];
}

function changeFaults(held: readonly Price[], wanted: readonly Price[], now: Date): string[] {
  return held.flatMap((row) => {
    const price = wanted.find((each) => sameTime(each, row));
    // Another currency is told once for all.
    if (price === undefined || same({ ...price, currency: row.currency }, row)) return [];
    const remedy =
      what(price) === what(row)
        ? `leave it, and add a price from ${nextHour(now)} or later`
        : `leave it, and give what is new a product with an id of its own`;
    return [`${from(row)} is ${cost(row)}, and the file says ${cost(price)}: ${remedy}`];
  });
}

/** What is over may leave the file; what holds may not, or it would be charged without being there. */
function removalFaults(held: readonly Price[], wanted: readonly Price[], now: Date): string[] {
  const newest = held.filter(
    (row) => !held.some((other) => other.product === row.product && other.validFrom > row.validFrom),
  );
  return newest
    .filter((row) => !wanted.some((price) => sameTime(price, row)))
    .map(
      (row) =>
        `${from(row)} is ${cost(row)} and holds now, and the file does not have it: put it back; to charge nothing, add a price of 0 from ${nextHour(now)} or later`,
    );
}

function pastFaults(held: readonly Price[], past: readonly Price[], now: Date): string[] {
  return past.flatMap((price) => {
    if (held.some((row) => sameTime(row, price))) return [];
    const own = held.find((row) => row.product === price.product);
    // Use of a kind without a product of its own is charged by the product for all kinds.
    const general = held.find((row) => row.meter === price.meter && row.variant === "");
    const charged = own ?? general;
    if (charged === undefined) return [];
    return [
      `${from(price)} is new and in the past, when ${cost(charged)} of product ${charged.product} held: let it begin at ${nextHour(now)} or later`,
    ];
  });
}

const from = ({ product, validFrom }: Price): string => `product ${product}: the price from ${hourText(validFrom)} on`;

const what = ({ meter, variant, unitSize }: Price): string => `${meter}/${variant}/${unitSize}`;

const cost = ({ unitAmountNano, meter, variant }: Price): string =>
  `${unitAmountText(unitAmountNano)} for ${meter}${variant === "" ? "" : ` ${variant}`}`;

const hourText = (time: Date): string => `${time.toISOString().slice(0, 19)}Z`;

const nextHour = (now: Date): string => hourText(new Date((Math.floor(now.getTime() / hourMs) + 1) * hourMs));
