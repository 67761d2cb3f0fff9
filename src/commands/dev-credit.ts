import type { Platform } from "../platform.js";
import { addBalance } from "../resources/api/payment/credit.js";
import { saveCustomer } from "../resources/api/payment/save-customer.js";

/** In minor units: enough for some clusters and many years. */
const demoCredit = 100_000_000n;

/**
 * Makes the demo tenant a customer, with credit whenever it has nothing left to pay with, so that it can order. Not
 * with a payment processor: that asks its customers for a payment method, and may not be told of money that nobody
 * gave.
 */
export async function ensureDemoCredit(platform: Platform, tenant: string): Promise<void> {
  const { db, processor, standings } = platform;
  if (processor.name !== "ledger") return;
  const asked = { fields: { name: "Demo" }, paymentMethodId: undefined, card: undefined };
  const order = { login: tenant, asked, acceptsTerms: true, onlyNew: true };
  await saveCustomer(platform, order, AbortSignal.timeout(10_000));
  const means = await standings.means(tenant);
  if (means !== undefined && Object.values(means).some((has) => has)) return;
  await db.transaction((tx) => addBalance(tx, platform, tenant, demoCredit));
  standings.forget(tenant);
}
