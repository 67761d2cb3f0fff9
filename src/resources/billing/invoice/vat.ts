import type { Seller, VatSettings } from "../../../billing.js";
import type { InvoiceParty } from "./party.js";

/** Which value added tax an invoice bears, and what it has to say of it. */
export interface VatDecision {
  /** Hundredths of a percent. */
  readonly basisPoints: number;
  /** Empty when there is nothing to say. */
  readonly note: string;
}

/**
 * The value added tax of a customer: by the country of the address, or of the seller where there is none. A customer
 * with a VAT number in a country of reverse charge owes it itself.
 */
export function vatOf(customer: InvoiceParty, { seller, vat }: { seller: Seller; vat: VatSettings }): VatDecision {
  const country = (customer.address?.country || seller.address?.country) ?? "";
  if (customer.vat !== "" && vat.reverseCharge.has(country)) {
    return { basisPoints: 0, note: "Reverse charge: the value added tax is owed by the recipient." };
  }
  const basisPoints = vat.rates.get(country) ?? vat.other;
  return { basisPoints, note: basisPoints === 0 ? "No value added tax is charged." : "" };
}
