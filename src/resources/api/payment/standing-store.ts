import { and, eq, isNull, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { prepared } from "../../../db/prepared.js";
import { prices } from "../../billing/price/table.js";
import { billingAccounts, usageTotals } from "../../billing/usage/table.js";
import { tenants } from "../tenant/table.js";
import { couponGrants, creditEntries, customers, discounts } from "./table.js";

/** What decides whether a tenant may use what costs money. Amounts are in minor units. */
export interface Standing {
  readonly login: string;
  readonly admitted: boolean;
  readonly paymentMethod: boolean;
  readonly discount: boolean;
  readonly coupons: readonly { readonly expiresAt: Date; readonly left: bigint }[];
  readonly balance: bigint;
  /** What was used in billing periods whose invoices are not issued yet, before discounts and tax. */
  readonly unbilled: bigint;
  /** Whether anything has a price by the prices in the database. */
  readonly priced: boolean;
}

const given = sql.placeholder;

// All prices are in one currency; without any it is the one that was given.
const currency = sql`coalesce((select ${prices.currency} from ${prices} limit 1), ${given("currency")})`;

const ofCurrency = and(eq(creditEntries.tenant, tenants.login), eq(creditEntries.currency, currency));

const couponsLeft = sql<{ expires_at: string; left: string }[]>`(
  select coalesce(json_agg(json_build_object('expires_at', expires_at, 'left', left_over::text)), '[]') from (
    select ${couponGrants.expiresAt}, sum(${creditEntries.amount}) as left_over
    from ${creditEntries} join ${couponGrants} on ${couponGrants.id} = ${creditEntries.couponGrant}
    where ${ofCurrency}
    group by ${couponGrants.id} having sum(${creditEntries.amount}) > 0
  ) granted)`;

// Exact: numeric, rounded up once.
const unbilled = sql<string>`(
  select coalesce(ceil(sum(${usageTotals.quantity} * ${prices.unitAmountNano} / (${prices.unitSize} * 1000000000))), 0)
  from ${usageTotals} join ${prices} on ${prices.id} = ${usageTotals.price}
  where ${usageTotals.tenant} = ${tenants.login} and ${usageTotals.period} >= coalesce(
    (select ${billingAccounts.closedUntil} from ${billingAccounts} where ${billingAccounts.tenant} = ${tenants.login}),
    '-infinity'))`;

/** Of one statement, so that what an invoice took and what it billed are seen together. */
const standingOf = prepared((db) =>
  db
    .select({
      login: tenants.login,
      admitted: tenants.admitted,
      paymentMethod: sql<boolean>`${customers.paymentMethodId} is not null`,
      discount: sql<boolean>`exists (select from ${discounts} where ${discounts.tenant} = ${tenants.login})`,
      coupons: couponsLeft,
      balance: sql<string>`(select coalesce(sum(${creditEntries.amount}), 0) from ${creditEntries}
        where ${and(ofCurrency, isNull(creditEntries.couponGrant))})`,
      unbilled,
      priced: sql<boolean>`exists (select from ${prices} where ${prices.unitAmountNano} > 0)`,
    })
    .from(tenants)
    .leftJoin(customers, eq(customers.tenant, tenants.login))
    .where(eq(tenants.login, given("tenant")))
    .prepare("payment_standing"),
);

export const standingStore = {
  /**
   * The present standing of a tenant; credit of another currency than that of the prices, or of the given one where
   * there are none, does not count. Undefined for an unknown tenant.
   */
  async get(db: Database, tenant: string, currency: string): Promise<Standing | undefined> {
    const [row] = await standingOf(db).execute({ tenant, currency });
    if (row === undefined) return undefined;
    return {
      ...row,
      balance: BigInt(row.balance),
      unbilled: BigInt(row.unbilled),
      coupons: row.coupons.map((coupon) => ({ expiresAt: new Date(coupon.expires_at), left: BigInt(coupon.left) })),
    };
  },
};
