import type { Stripe } from "stripe";
import type { BillingSettings } from "../../../../billing.js";
import { DomainError, invalidField } from "../../../../errors.js";
import { vatOf } from "../../../billing/invoice/vat.js";
import type {
  CardFacts,
  CustomerAccount,
  CustomerBook,
  CustomerDetails,
  PostalAddress,
  Processor,
} from "../processor.js";
import type { Catalogue } from "./catalogue.js";
import { idOf, type StripeAccess } from "./client.js";
import { saveCredit } from "./credit.js";
import { isMissing } from "./errors.js";
import { saveSubscription } from "./subscription.js";
import { saveTaxId } from "./tax-ids.js";

const idLength = 18;
const foreignMethod = "the payment method is unknown, or belongs to somebody else: set up a new one";

/** What the processor needs beside access to Stripe. */
export interface StripeProcessorOptions {
  readonly access: StripeAccess;
  readonly catalogue: Catalogue;
  /** What use costs; undefined when nothing has a price. */
  readonly billing: BillingSettings | undefined;
  readonly clock: () => Date;
}

/** Stripe holds the accounts and payment methods and collects the money. */
export function stripeProcessor(options: StripeProcessorOptions): Processor {
  const { access } = options;
  return {
    name: "stripe",
    collects: true,
    saveCustomer: (details, signal) => access.call((stripe) => saveCustomer(stripe, details), signal),
    removePaymentMethod({ paymentMethodId }, signal) {
      return access.call(async (stripe) => {
        if (paymentMethodId !== null) await detach(stripe, paymentMethodId);
      }, signal);
    },
    async startSetup({ id }, signal) {
      // Cards are what invoices can be charged to without anybody present.
      const order = { customer: id, usage: "off_session", allowed_payment_method_types: ["card"] } as const;
      const params = { ...order, allowed_payment_method_types: [...order.allowed_payment_method_types] };
      const intent = await access.call((stripe) => stripe.setupIntents.create(params), signal);
      if (intent.client_secret === null) throw new Error("Stripe gave no client secret");
      return { clientSecret: intent.client_secret, publishableKey: access.settings.publishableKey };
    },
    sync: (book, signal) => access.call((stripe) => syncCustomer(stripe, book, options), signal),
    ping: (signal) => access.call(async (stripe) => void (await stripe.customers.list({ limit: 1 })), signal),
  };
}

async function saveCustomer(stripe: Stripe, details: CustomerDetails): Promise<CustomerAccount> {
  const id = details.id ?? (await createCustomer(stripe, details.tenant));
  const before = details.paymentMethodId === undefined ? undefined : await defaultOf(stripe, id);
  if (details.paymentMethodId !== undefined) await attach(stripe, id, details.paymentMethodId);
  const customer = await stripe.customers.update(id, {
    ...addressing(details),
    ...(details.paymentMethodId === undefined
      ? {}
      : { invoice_settings: { default_payment_method: details.paymentMethodId } }),
    expand: ["invoice_settings.default_payment_method"],
  });
  await saveTaxId(stripe, id, details.vat);
  // Nobody could take it away any more.
  if (before !== undefined && before !== details.paymentMethodId) await detach(stripe, before);
  const { data } = await stripe.subscriptions.list({ customer: id, limit: 1 });
  return { id, subscriptionId: data[0]?.id ?? "", ...methodOf(customer) };
}

/** Makes Stripe's copy of a customer what the book says. */
async function syncCustomer(
  stripe: Stripe,
  book: CustomerBook,
  { billing, catalogue, clock }: StripeProcessorOptions,
): Promise<CustomerAccount> {
  const { id, tenant } = book.details;
  const account = await saveCustomer(stripe, { ...book.details, paymentMethodId: undefined });
  if (billing === undefined) return account;
  const now = clock();
  const terms = {
    tenant,
    customer: id,
    currency: book.currency,
    hasPaymentMethod: account.paymentMethodId !== null,
    discounts: book.discounts,
    vatBasisPoints: vatOf(book.details, billing).basisPoints,
    paymentTermDays: billing.paymentTermDays,
    now,
  };
  try {
    const subscriptionId = await saveSubscription(stripe, catalogue, terms);
    await saveCredit(stripe, book, now);
    return { ...account, subscriptionId };
  } catch (error) {
    // Somebody may have taken away what was found before.
    catalogue.forget();
    throw error;
  }
}

/** The first request says nothing but whose it is: repeated with the same key it gives the same account. */
async function createCustomer(stripe: Stripe, tenant: string): Promise<string> {
  const { id } = await stripe.customers.create({ metadata: { tenant } }, { idempotencyKey: `customer-${tenant}` });
  if (id.length !== idLength) throw new Error(`Stripe gave a customer id of ${id.length} characters`);
  return id;
}

function addressing({ name, email, phoneNumber, address, tenant, vat }: CustomerDetails): Stripe.CustomerUpdateParams {
  return {
    name,
    email,
    phone: phoneNumber,
    address: address === null ? "" : addressParam(address),
    metadata: { tenant, vat },
  };
}

function addressParam({ line1, line2, postalCode, city, state, country }: PostalAddress): Stripe.AddressParam {
  return { line1, line2, postal_code: postalCode, city, state, country };
}

async function attach(stripe: Stripe, customer: string, paymentMethodId: string): Promise<void> {
  // An id is part of the request's path.
  if (!/^[A-Za-z0-9_]{1,255}$/.test(paymentMethodId)) throw invalidField("payment_method_id", foreignMethod);
  const method = await stripe.paymentMethods.retrieve(paymentMethodId).catch((error: unknown) => {
    throw isMissing(error) ? invalidField("payment_method_id", foreignMethod) : error;
  });
  const owner = idOf(method.customer);
  if (owner === customer) return;
  if (owner !== undefined) throw invalidField("payment_method_id", foreignMethod);
  await stripe.paymentMethods.attach(paymentMethodId, { customer });
}

async function defaultOf(stripe: Stripe, id: string): Promise<string | undefined> {
  const customer = await stripe.customers.retrieve(id);
  return customer.deleted ? undefined : idOf(customer.invoice_settings.default_payment_method);
}

async function detach(stripe: Stripe, paymentMethodId: string): Promise<void> {
  try {
    await stripe.paymentMethods.detach(paymentMethodId);
  } catch (error) {
    // One that is gone, or belongs to nobody any more, is what was asked for.
    const method = await stripe.paymentMethods.retrieve(paymentMethodId).catch((reason: unknown) => {
      if (isMissing(reason)) return undefined;
      throw reason;
    });
    if (method !== undefined && idOf(method.customer) !== undefined) throw error;
  }
}

/** The default payment method of a customer, with what Stripe says of its card. */
export function methodOf(customer: Stripe.Customer): Pick<CustomerAccount, "paymentMethodId" | "card"> {
  const method = customer.invoice_settings.default_payment_method;
  if (method === null) return { paymentMethodId: null, card: null };
  if (typeof method === "string") throw new DomainError("unavailable", "the payment method was not read");
  return { paymentMethodId: method.id, card: cardOf(method) };
}

function cardOf({ card }: Stripe.PaymentMethod): CardFacts | null {
  if (card === undefined || card === null) return null;
  const { brand, country, exp_month: expMonth, exp_year: expYear, last4 } = card;
  return { brand, country: country ?? "", expMonth, expYear, last4 };
}
