import type { Catalogue } from "./catalogue.js";
import type { StripeAccess } from "./client.js";

/** The way to Stripe, and what is known of the things that were made there. */
export interface StripeLink {
  readonly access: StripeAccess;
  readonly catalogue: Catalogue;
}
