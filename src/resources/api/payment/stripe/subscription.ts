import type { Stripe } from "stripe";
import { periodAfter } from "../../../billing/invoice/period.js";
import type { AppliedDiscount } from "../processor.js";
import { type Catalogue, exists } from "./catalogue.js";
import { idOf, seconds } from "./client.js";

/** On what terms a customer's use is billed. */
export interface SubscriptionTerms {
  readonly tenant: string;
  readonly customer: string;
  readonly currency: string;
  readonly hasPaymentMethod: boolean;
  /** In their order. */
  readonly discounts: readonly AppliedDiscount[];
  readonly vatBasisPoints: number;
  readonly paymentTermDays: number;
  readonly now: Date;
}

const longestName = 40;

/** What the terms take off and put on top, as Stripe is told of it: coupons in their order, and tax rates. */
export async function termParams(
  stripe: Stripe,
  catalogue: Catalogue,
  terms: Pick<SubscriptionTerms, "discounts" | "currency" | "vatBasisPoints">,
) {
  const taxRates = await catalogue.taxRates(stripe, terms.vatBasisPoints);
  const coupons = await ensureCoupons(stripe, terms);
  return {
    default_tax_rates: taxRates.length === 0 ? ("" as const) : [...taxRates],
    /** Left out where the discounts are the same already. */
    discountsUnless: (present: readonly unknown[]) =>
      sameCoupons(present, coupons) ? {} : { discounts: discountParam(coupons) },
  };
}

/** Makes the customer's one subscription what the terms say, and gives its id. */
export async function saveSubscription(
  stripe: Stripe,
  catalogue: Catalogue,
  terms: SubscriptionTerms,
): Promise<string> {
  const prices = await catalogue.prices(stripe);
  const { default_tax_rates, discountsUnless } = await termParams(stripe, catalogue, terms);
  const { data } = await stripe.subscriptions.list({ customer: terms.customer, limit: 1, expand: ["data.discounts"] });
  const [found] = data;
  const common = { ...collection(terms), default_tax_rates, ...discountsUnless(found?.discounts ?? []) };
  if (found === undefined) return createSubscription(stripe, terms, prices, common);
  const missing = prices.filter((price) => !found.items.data.some((item) => item.price.id === price));
  const items = missing.map((price) => ({ price }));
  await stripe.subscriptions.update(found.id, { ...common, proration_behavior: "none", items });
  return found.id;
}

async function createSubscription(
  stripe: Stripe,
  { customer, tenant, now }: SubscriptionTerms,
  prices: readonly string[],
  common: Partial<Stripe.SubscriptionCreateParams>,
): Promise<string> {
  // One that was made by a request without an answer was found in the list: no key has to remember it.
  const { id } = await stripe.subscriptions.create({
    ...common,
    customer,
    items: prices.map((price) => ({ price })),
    billing_cycle_anchor: seconds(periodAfter(now)),
    proration_behavior: "none",
    off_session: true,
    metadata: { tenant },
  });
  return id;
}

/** Without a payment method the invoice is sent, to be paid within the term. */
function collection({ hasPaymentMethod, paymentTermDays }: SubscriptionTerms) {
  if (hasPaymentMethod) return { collection_method: "charge_automatically" } as const;
  return { collection_method: "send_invoice", days_until_due: paymentTermDays } as const;
}

/** Every discount is a coupon of its own, named by our id; what it takes off never changes. */
async function ensureCoupons(
  stripe: Stripe,
  { discounts, currency }: Pick<SubscriptionTerms, "discounts" | "currency">,
): Promise<string[]> {
  const ids: string[] = [];
  for (const { id, name, amountOff, basisPointsOff } of discounts) {
    const off =
      amountOff === null ? { percent_off: (basisPointsOff ?? 0) / 100 } : { amount_off: Number(amountOff), currency };
    await exists(stripe.coupons.create({ id, name: name.slice(0, longestName), duration: "forever", ...off }));
    ids.push(id);
  }
  return ids;
}

const discountParam = (coupons: readonly string[]) =>
  coupons.length === 0 ? ("" as const) : coupons.map((coupon) => ({ coupon }));

function sameCoupons(discounts: readonly unknown[], coupons: readonly string[]): boolean {
  const present = discounts.map((discount) => idOf((discount as Partial<Stripe.Discount>).source?.coupon));
  return present.length === coupons.length && present.every((id, at) => id === coupons[at]);
}
