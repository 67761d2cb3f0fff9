import type { Stripe } from "stripe";
import { version } from "uuid";
import { periodAfter } from "../../../billing/invoice/period.js";
import type { CustomerBook, GivenBalance, GrantedCoupon } from "../processor.js";
import { seconds } from "./client.js";

const pageSize = 100;
const longestName = 100;
/** Most entries of a customer that are read: beyond them Stripe's own list of a customer is not kept up. */
const mostEntries = 10_000;

/** Tells Stripe of the coupons and the credit that it has not heard of; what it has bears our ids. */
export async function saveCredit(stripe: Stripe, book: CustomerBook, now: Date): Promise<void> {
  await saveCoupons(stripe, book, now);
  await saveBalances(stripe, book);
}

/** A coupon pays before tax and expires: at Stripe it is a grant of billing credit. */
async function saveCoupons(stripe: Stripe, { details, coupons }: CustomerBook, now: Date): Promise<void> {
  const open = coupons.filter((coupon) => lastUse(coupon) > now);
  if (open.length === 0) return;
  const told = new Set<string | undefined>();
  const grants = stripe.billing.creditGrants.list({ customer: details.id, limit: pageSize });
  for (const { metadata } of await grants.autoPagingToArray({ limit: mostEntries })) told.add(metadata.slipway);
  for (const coupon of open.filter(({ id }) => !told.has(id))) {
    await stripe.billing.creditGrants.create(grantParams(details.id, coupon), { idempotencyKey: `grant-${coupon.id}` });
  }
}

function grantParams(customer: string, coupon: GrantedCoupon): Stripe.Billing.CreditGrantCreateParams {
  return {
    customer,
    name: coupon.name.slice(0, longestName),
    category: "promotional",
    amount: { type: "monetary", monetary: { value: Number(coupon.amount), currency: coupon.currency } },
    applicability_config: { scope: { price_type: "metered" } },
    expires_at: seconds(lastUse(coupon)),
    metadata: { slipway: coupon.id },
  };
}

/**
 * A coupon pays for each billing period whose end it lives to see. Stripe looks at the day on which the invoice is
 * made final, some days after that end: there it lives until the end of the month.
 */
const lastUse = ({ expiresAt }: GrantedCoupon): Date => periodAfter(expiresAt);

/** Credit pays after tax: at Stripe it is the customer's balance, where what is below 0 is owed to the customer. */
async function saveBalances(stripe: Stripe, { details, balances }: CustomerBook): Promise<void> {
  const given = balances.filter(({ id }) => !isGivenBack(id));
  if (given.length === 0) return;
  const told = new Set<string | undefined>();
  const entries = stripe.customers.listBalanceTransactions(details.id, { limit: pageSize });
  for (const { metadata } of await entries.autoPagingToArray({ limit: mostEntries })) told.add(metadata?.slipway);
  for (const entry of given.filter(({ id }) => !told.has(id))) await giveBalance(stripe, details.id, entry);
}

async function giveBalance(stripe: Stripe, customer: string, { id, amount, currency }: GivenBalance): Promise<void> {
  const params = { amount: -Number(amount), currency, description: "Credit", metadata: { slipway: id } };
  await stripe.customers.createBalanceTransaction(customer, params, { idempotencyKey: `balance-${id}` });
}

/** Whether an entry is what a void invoice gave back: Stripe did so by itself. Its id is made from the other's. */
export function isGivenBack(entry: string): boolean {
  return version(entry) === 5;
}
