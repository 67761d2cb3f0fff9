import type { Stripe } from "stripe";
import type { BillingSettings, Product } from "../../../../billing.js";
import { codeOf } from "./errors.js";

/** What the subscriptions of all customers are made of. Each thing is made when it is first needed, and found again. */
export interface Catalogue {
  /** Ids of the prices of all products that are sold. */
  prices(stripe: Stripe): Promise<readonly string[]>;
  /** Ids of the tax rates for value added tax of so many hundredths of a percent: none for 0. */
  taxRates(stripe: Stripe, basisPoints: number): Promise<readonly string[]>;
  /** Id of the meter of a product; undefined for one that nobody has made. */
  meter(stripe: Stripe, product: string): Promise<string | undefined>;
  /** Looks everything up again, after something was not found. */
  forget(): void;
}

/** What a millionth of a minor unit costs: Stripe counts money, so that Slipway's own prices can change at any hour. */
const unitAmount = "0.000001";
const keysPerRequest = 10;
const pageSize = 100;
const vatName = "VAT";

/** Names of the things of one product at Stripe. */
export const meterEventName = (product: string): string => `slipway_${product}`;
const productId = (product: string): string => `slipway_${product}`;

/** The product that has that id at Stripe; undefined for one of somebody else. */
export const productOf = (id: string | undefined): string | undefined =>
  id?.startsWith(productId("")) ? id.slice(productId("").length) : undefined;
const lookupKey = (product: string, currency: string): string => `slipway:${product}:${currency}`;

/** A catalogue of the products of the configuration. */
export function createCatalogue({ products, currency }: Pick<BillingSettings, "products" | "currency">): Catalogue {
  const rates = new Map<number, string>();
  let known: readonly string[] | undefined;
  let meters: ReadonlyMap<string, string> = new Map();
  return {
    async prices(stripe) {
      known ??= await ensurePrices(stripe, products, currency);
      return known;
    },
    async taxRates(stripe, basisPoints) {
      if (basisPoints === 0) return [];
      const rate = rates.get(basisPoints) ?? (await ensureTaxRate(stripe, basisPoints));
      rates.set(basisPoints, rate);
      return [rate];
    },
    async meter(stripe, product) {
      const name = meterEventName(product);
      if (!meters.has(name)) meters = await listMeters(stripe);
      return meters.get(name);
    },
    forget() {
      known = undefined;
      meters = new Map();
      rates.clear();
    },
  };
}

async function ensurePrices(stripe: Stripe, products: readonly Product[], currency: string): Promise<string[]> {
  const found = new Map<string, string>();
  for (let at = 0; at < products.length; at += keysPerRequest) {
    const keys = products.slice(at, at + keysPerRequest).map(({ id }) => lookupKey(id, currency));
    const { data } = await stripe.prices.list({ lookup_keys: keys, active: true, limit: pageSize });
    for (const { lookup_key: key, id } of data) if (key !== null) found.set(key, id);
  }
  const missing = products.filter(({ id }) => !found.has(lookupKey(id, currency)));
  const meters = missing.length === 0 ? new Map<string, string>() : await listMeters(stripe);
  for (const product of missing) {
    const meter = meters.get(meterEventName(product.id)) ?? (await createMeter(stripe, product));
    found.set(lookupKey(product.id, currency), await createPrice(stripe, product, currency, meter));
  }
  return products.map(({ id }) => found.get(lookupKey(id, currency)) ?? "");
}

/** The active meters by the name of their events. */
async function listMeters(stripe: Stripe): Promise<Map<string, string>> {
  const meters = new Map<string, string>();
  for await (const { event_name: name, id } of stripe.billing.meters.list({ status: "active", limit: pageSize })) {
    meters.set(name, id);
  }
  return meters;
}

async function createMeter(stripe: Stripe, { id, name }: Product): Promise<string> {
  const params = {
    display_name: name,
    event_name: meterEventName(id),
    default_aggregation: { formula: "sum" },
    customer_mapping: { type: "by_id", event_payload_key: "stripe_customer_id" },
    value_settings: { event_payload_key: "value" },
  } as const;
  return (await stripe.billing.meters.create(params, { idempotencyKey: `meter-${id}-${name}` })).id;
}

async function createPrice(stripe: Stripe, product: Product, currency: string, meter: string): Promise<string> {
  const id = productId(product.id);
  await exists(stripe.products.create({ id, name: product.name, metadata: { product: product.id } }));
  const params: Stripe.PriceCreateParams = {
    product: id,
    currency,
    lookup_key: lookupKey(product.id, currency),
    transfer_lookup_key: true,
    recurring: { interval: "month", usage_type: "metered", meter },
    billing_scheme: "per_unit",
    unit_amount_decimal: stripe.Decimal.from(unitAmount),
    tax_behavior: "exclusive",
  };
  return (await stripe.prices.create(params, { idempotencyKey: `price-${product.id}-${currency}-${meter}` })).id;
}

/** Waits for what is made under an id of our own: that it is there already is as well. */
export async function exists(making: Promise<unknown>): Promise<void> {
  await making.catch((error: unknown) => {
    if (codeOf(error) !== "resource_already_exists") throw error;
  });
}

async function ensureTaxRate(stripe: Stripe, basisPoints: number): Promise<string> {
  const slipway = `vat-${basisPoints}`;
  for await (const { id, metadata } of stripe.taxRates.list({ active: true, inclusive: false, limit: pageSize })) {
    if (metadata?.slipway === slipway) return id;
  }
  const percentage = basisPoints / 100;
  const params = {
    display_name: vatName,
    inclusive: false,
    percentage,
    tax_type: "vat",
    metadata: { slipway },
  } as const;
  return (await stripe.taxRates.create(params, { idempotencyKey: `tax-rate-${basisPoints}` })).id;
}
