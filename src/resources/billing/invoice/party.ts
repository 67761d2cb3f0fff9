import type { PostalAddress } from "../../api/payment/processor.js";

/** One side of an invoice. */
export interface InvoiceParty {
  readonly name: string;
  readonly email: string;
  /** Value added tax number, with the prefix of its country; empty when there is none. */
  readonly vat: string;
  readonly address: PostalAddress | null;
}

/** The side that asks for the money. */
export interface InvoiceIssuer extends InvoiceParty {
  /** Lines for the foot of the invoice, such as the bank account. */
  readonly footer: readonly string[];
}
