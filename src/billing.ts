import type { ProductType } from "../gen/ts/api/v1/payment_pb.js";
import type { InvoiceParty } from "./resources/billing/invoice/party.js";

/** What is metered. */
export type Meter = "control_plane" | "worker" | "volume" | "snapshot" | "address";

/** What use costs and who asks for the money, as the configuration says. */
export interface BillingSettings {
  /** Three-letter ISO 4217 code in lower case. */
  readonly currency: string;
  readonly seller: Seller;
  readonly vat: VatSettings;
  /** How long an invoice may stay unpaid before its tenant is in arrears. */
  readonly paymentTermDays: number;
  /** How long after the end of a billing period its invoices are issued: time for late facts. */
  readonly invoiceDelayHours: number;
  readonly products: readonly Product[];
}

/** Who issues the invoices. */
export interface Seller extends InvoiceParty {
  /** Lines for the foot of the invoice, such as the bank account. */
  readonly footer: readonly string[];
}

/** Which value added tax goes on top. */
export interface VatSettings {
  /** Rates in hundredths of a percent, by two-letter country. */
  readonly rates: ReadonlyMap<string, number>;
  /** The rate where the country has none. */
  readonly other: number;
  /** Countries in which a customer with a VAT number owes the tax itself. */
  readonly reverseCharge: ReadonlySet<string>;
}

/** Something that is sold by what was used of it. */
export interface Product {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly meter: Meter;
  /** Machine type, storage class, or ephemeral or static; empty for all that have no product of their own. */
  readonly variant: string;
  readonly productType: ProductType;
  /** What a unit is, for people. */
  readonly unitLabel: string;
  /** Metered quantity times seconds that make one unit. */
  readonly unitSize: bigint;
  /** By time, the oldest first. */
  readonly prices: readonly ProductPrice[];
}

/** What a unit costs from a time on. */
export interface ProductPrice {
  /** A whole hour. */
  readonly validFrom: Date;
  /** Billionths of a minor unit. */
  readonly unitAmountNano: bigint;
}
