import type { Platform } from "../platform.js";
import { addBalance } from "../resources/api/payment/credit.js";
import { creditStore } from "../resources/api/payment/credit-store.js";
import { saveCustomer } from "../resources/api/payment/save-customer.js";
import { customerStore } from "../resources/api/payment/store.js";

/** In minor units: enough for some clusters and many years. */
const demoCredit = 100_000_000n;

/**
 * Makes the demo tenant a customer with credit, so that it can order. Not with a payment processor: that asks its
 * customers for a payment method, and may not be told of money that nobody gave.
 */
export async function ensureDemoCredit(platform: Platform, tenant: string): Promise<void> {
  const { db, processor } = platform;
  if (processor.name !== "ledger") return;
  const asked = { fields: { name: "Demo" }, paymentMethodId: undefined, card: undefined };
  const order = { login: tenant, asked, acceptsTerms: true, onlyNew: true };
  await saveCustomer(platform, order, AbortSignal.timeout(10_000));
  await db.transaction(async (tx) => {
    await customerStore.lock(tx, tenant);
    // Once: what was spent is spent.
    if ((await creditStore.givenTo(tx, tenant)).length > 0) return;
    await addBalance(tx, platform, tenant, demoCredit);
  });
  platform.standings.forget(tenant);
}
