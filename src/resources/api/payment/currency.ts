import type { BillingSettings } from "../../../billing.js";

/** The currency of all amounts: that of the prices, or euro where there are none. */
export const currencyOf = (billing: BillingSettings | undefined): string => billing?.currency ?? "eur";
