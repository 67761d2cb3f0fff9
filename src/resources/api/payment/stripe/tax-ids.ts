import type { Stripe } from "stripe";

type TaxIdType = Stripe.CustomerCreateTaxIdParams["type"];

const union = "AT BE BG CY CZ DE DK EE EL ES FI FR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK XI".split(" ");

const others: Readonly<Record<string, TaxIdType>> = { CHE: "ch_vat", GB: "gb_vat", LI: "li_vat", NO: "no_vat" };

/** What Stripe calls a VAT number of that form; undefined for those that it does not take. */
export function taxIdType(vat: string): TaxIdType | undefined {
  if (union.includes(vat.slice(0, 2))) return "eu_vat";
  const prefix = Object.keys(others).find((start) => vat.startsWith(start));
  return prefix === undefined ? undefined : others[prefix];
}

/** Makes the VAT number the customer's only one. It is printed on Stripe's invoices; the tax itself is ours to say. */
export async function saveTaxId(stripe: Stripe, customer: string, vat: string): Promise<void> {
  const { data } = await stripe.customers.listTaxIds(customer, { limit: 100 });
  const type = vat === "" ? undefined : taxIdType(vat);
  if (type !== undefined && !data.some(({ value }) => value === vat)) {
    await stripe.customers.createTaxId(customer, { type, value: vat });
  }
  for (const { id, value } of data) {
    if (value !== vat) await stripe.customers.deleteTaxId(customer, id);
  }
}
