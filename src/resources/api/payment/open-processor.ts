import type { BillingSettings } from "../../../billing.js";
import type { Config } from "../../../config.js";
import { createLedger } from "./ledger.js";
import type { Processor } from "./processor.js";
import { createCatalogue } from "./stripe/catalogue.js";
import { openStripe } from "./stripe/client.js";
import type { StripeLink } from "./stripe/link.js";
import { stripeProcessor } from "./stripe/processor.js";

/** What a processor needs to know. */
export interface ProcessorOptions extends Pick<Config, "paymentProcessor" | "stripe"> {
  readonly billing: BillingSettings | undefined;
  readonly clock: () => Date;
}

/** Who collects the money, and the way to Stripe where it is Stripe. */
export interface OpenProcessor {
  readonly processor: Processor;
  readonly stripe: StripeLink | undefined;
}

/** Opens the payment processor that the configuration names. */
export function openProcessor({ paymentProcessor, stripe, billing, clock }: ProcessorOptions): OpenProcessor {
  if (paymentProcessor === "ledger") return { processor: createLedger(), stripe: undefined };
  // The configuration is refused without them.
  if (stripe === undefined) throw new Error("SLIPWAY_PAYMENT_PROCESSOR=stripe needs the keys of Stripe");
  const access = openStripe(stripe);
  const catalogue = createCatalogue(billing ?? { products: [], currency: "" });
  return { processor: stripeProcessor({ access, catalogue, billing, clock }), stripe: { access, catalogue } };
}
