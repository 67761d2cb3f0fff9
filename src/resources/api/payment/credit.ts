import type { Database } from "../../../db/database.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { currencyOf } from "../../billing/price/current.js";
import { creditStore } from "./credit-store.js";
import { monthsLater } from "./rules.js";
import { queueSync } from "./sync.js";

/** What can be given at once, in minor units; the same as what a coupon can be worth. */
const mostBalance = 1_000_000_000_000n;

/**
 * Grants a coupon to a customer in the transaction. Throws "missing" for an unknown coupon, "exists" when the
 * customer had it before, and "precondition" when it cannot be granted any more.
 */
export async function grantCoupon(
  tx: Database,
  platform: Pick<Platform, "billing" | "clock" | "newId" | "processor">,
  tenant: string,
  id: string,
): Promise<void> {
  const now = platform.clock();
  const found = await creditStore.lockCoupon(tx, id);
  if (found === undefined) throw new DomainError("missing", `coupon ${id} does not exist`);
  const { coupon, redeemed } = found;
  // Whoever has it is told so, even if nobody can have it any more.
  const grant = { id: platform.newId(), tenant, coupon: coupon.id, grantedAt: now };
  await creditStore.insertGrant(tx, { ...grant, expiresAt: monthsLater(now, coupon.durationInMonths) });
  const refuse = (why: string): never => {
    throw new DomainError("precondition", `coupon ${id} ${why}`);
  };
  if (coupon.withdrawnAt !== null) refuse("was withdrawn");
  if (coupon.redeemBy !== null && coupon.redeemBy < now) {
    refuse(`could be granted until ${coupon.redeemBy.toISOString()}`);
  }
  if (coupon.maxRedemptions !== null && redeemed >= coupon.maxRedemptions) {
    refuse(`was granted ${redeemed} times, and cannot be granted more often`);
  }
  const currency = await currencyOf({ ...platform, db: tx });
  if (coupon.currency !== currency) refuse(`is worth ${coupon.currency}, and customers pay in ${currency}`);
  const entry = { id: platform.newId(), couponGrant: grant.id, amount: coupon.amountOff, currency };
  await creditStore.insertEntry(tx, { ...entry, tenant, at: now });
  await queueSync(tx, platform, tenant);
}

/** Adds credit to a customer in the transaction; the amount is in minor units of the currency of the prices. */
export async function addBalance(
  tx: Database,
  platform: Pick<Platform, "billing" | "clock" | "newId" | "processor">,
  tenant: string,
  amount: bigint,
): Promise<void> {
  if (amount > mostBalance) throw invalidField("balance_to_add", `must be at most ${mostBalance}`);
  const { clock, newId } = platform;
  const currency = await currencyOf({ ...platform, db: tx });
  const entry = { id: newId(), tenant, amount, currency, at: clock() };
  await creditStore.insertEntry(tx, entry);
  await queueSync(tx, platform, tenant);
}
