import type { Book } from "./book.js";
import type { FakeInvoice } from "./invoices.js";
import type { FakeDiscount } from "./subscriptions.js";

/** What the discounts of an invoice take off, each from what the ones before have left. */
export function discountAmounts(book: Book, invoice: FakeInvoice, subtotal: number) {
  let left = subtotal;
  return invoice.discounts.map((discount) => {
    const { source } = book.get<FakeDiscount>("discount", discount);
    const { amount_off: off, percent_off: percent } = book.get("coupon", source.coupon);
    const wanted = off === null ? Math.floor((left * Math.round(Number(percent) * 100)) / 10_000 + 0.5) : Number(off);
    const amount = Math.min(left, wanted);
    left -= amount;
    return { amount, discount };
  });
}

/** The sums of an invoice with the tax on its net amount; no balance has paid of it yet. */
export function taxed(invoice: FakeInvoice, net: number) {
  const taxes = invoice.default_tax_rates.map(({ id, percentage }) => {
    const amount = Math.floor((net * Math.round(Number(percentage) * 100)) / 10_000 + 0.5);
    return {
      amount,
      tax_behavior: "exclusive",
      tax_rate_details: { tax_rate: id },
      taxable_amount: net,
      type: "tax_rate_details",
    };
  });
  const total = taxes.reduce((sum, { amount }) => sum + amount, net);
  return {
    total_excluding_tax: net,
    total_taxes: taxes,
    total,
    amount_due: total,
    starting_balance: 0,
    ending_balance: null,
  };
}
