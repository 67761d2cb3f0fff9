import type { Database } from "../../../db/database.js";
import type { Platform } from "../../../platform.js";
import { currencyOf } from "../../billing/price/current.js";
import { creditStore, discountStore } from "./credit-store.js";
import type { CustomerBook, GivenBalance, GrantedCoupon } from "./processor.js";
import { type CustomerRow, customerStore } from "./store.js";

/** A customer, and what its processor may have to hear of it. */
export interface ReadBook {
  readonly row: CustomerRow;
  readonly book: CustomerBook;
}

/** Reads all of a customer, as it stood at one moment; undefined when the tenant has no account. */
export function readBook({ db, billing }: Pick<Platform, "db" | "billing">, tenant: string) {
  return db.transaction(
    async (tx): Promise<ReadBook | undefined> => {
      const row = await customerStore.get(tx, tenant);
      if (row === undefined) return undefined;
      const book: CustomerBook = {
        details: { ...row, paymentMethodId: undefined, card: undefined },
        subscriptionId: row.subscriptionId,
        currency: await currencyOf({ db: tx, billing }),
        ...(await creditOf(tx, row)),
        discounts: await discountStore.list(tx, tenant),
      };
      return { row, book };
    },
    { isolationLevel: "repeatable read", accessMode: "read only" },
  );
}

/** Credit as the processor has to know it: what invoices of another one took before is gone. */
async function creditOf(
  tx: Database,
  { tenant, processor }: CustomerRow,
): Promise<Pick<CustomerBook, "coupons" | "balances">> {
  const taken = await creditStore.takenElsewhere(tx, tenant, processor);
  const coupons = (await creditStore.grantsOf(tx, tenant)).flatMap(({ grant, coupon }): GrantedCoupon[] => {
    const { id, grantedAt, expiresAt } = grant;
    const amount = coupon.amountOff - (taken.find(({ couponGrant }) => couponGrant === id)?.amount ?? 0n);
    return amount > 0n ? [{ id, name: coupon.name, amount, currency: coupon.currency, grantedAt, expiresAt }] : [];
  });
  const fromBalance = taken.filter(({ couponGrant }) => couponGrant === null);
  const used = new Map(fromBalance.map(({ currency, amount }) => [currency, amount]));
  return { coupons, balances: withoutUsed(await creditStore.givenTo(tx, tenant), used) };
}

/** What is left of each entry when the oldest are used first. */
function withoutUsed(given: readonly GivenBalance[], used: Map<string, bigint>): GivenBalance[] {
  return given.flatMap((entry) => {
    const toUse = used.get(entry.currency) ?? 0n;
    const part = toUse < entry.amount ? toUse : entry.amount;
    used.set(entry.currency, toUse - part);
    return part < entry.amount ? [{ ...entry, amount: entry.amount - part }] : [];
  });
}
