import type { BillingSettings } from "../../../billing.js";
import type { Database } from "../../../db/database.js";
import { computeInvoice, type DraftLine, type InvoiceDraft } from "./compute.js";
import type { InvoiceParty } from "./party.js";
import { customerOf, termsOf } from "./terms.js";
import { billedUse } from "./use.js";
import { type VatDecision, vatOf } from "./vat.js";

/** Whose use of what time is billed. */
export interface BilledSpan {
  readonly tenant: string;
  readonly start: Date;
  /** Exclusive; the end of a billing period. */
  readonly end: Date;
}

/** An invoice as the books say that it should be, and who it is for. */
export interface DraftedInvoice extends InvoiceDraft {
  readonly customer: InvoiceParty;
  readonly vatTerms: VatDecision;
}

/** Computes the invoice of a tenant from what was metered, other lines, and the terms that hold now. */
export async function draftInvoice(
  tx: Database,
  billing: Pick<BillingSettings, "currency" | "seller" | "vat">,
  { tenant, start, end }: BilledSpan,
  extra: readonly DraftLine[] = [],
): Promise<DraftedInvoice> {
  const customer = await customerOf(tx, tenant);
  const vatTerms = vatOf(customer, billing);
  const draft = computeInvoice(await billedUse(tx, tenant, start, end), {
    periodEnd: end,
    ...(await termsOf(tx, tenant, billing.currency)),
    vatBasisPoints: vatTerms.basisPoints,
    extra,
  });
  return { ...draft, customer, vatTerms };
}
