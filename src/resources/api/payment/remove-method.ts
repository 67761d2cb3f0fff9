import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { accountOf } from "./accounts.js";
import { customerStore } from "./store.js";
import { queueSync } from "./sync.js";

const mostNamed = 5;

/**
 * Removes the payment method of a tenant, at the processor first; throws "missing" when there is none, and
 * "precondition" while anything runs that costs money.
 */
export async function removePaymentMethod(platform: Platform, tenant: string, signal: AbortSignal): Promise<void> {
  const { db, clock, processor } = platform;
  const row = await accountOf(platform, tenant);
  const { paymentMethodId } = row;
  if (paymentMethodId === null) throw new DomainError("missing", `tenant ${tenant} has no payment method`);
  await demandNothingRuns(platform, tenant);
  // What another processor held is only forgotten.
  if (row.processor === processor.name) await processor.removePaymentMethod(row, signal);
  await db.transaction(async (tx) => {
    await customerStore.removePaymentMethod(tx, tenant, paymentMethodId, clock());
    await queueSync(tx, platform, tenant);
  });
  platform.standings.forget(tenant);
}

async function demandNothingRuns({ db }: Platform, tenant: string): Promise<void> {
  const running = await customerStore.someChargeable(db, tenant, mostNamed + 1);
  if (running.length === 0) return;
  const names = running.slice(0, mostNamed).map(({ kind, name }) => `${kind} ${name}`);
  if (running.length > mostNamed) names.push("more");
  throw new DomainError(
    "precondition",
    `tenant ${tenant} has resources that cost money: delete ${names.join(", ")} first, or set another payment method`,
  );
}
