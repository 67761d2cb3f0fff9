import { and, asc, eq, gt, isNull, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { couponGrants, coupons, creditEntries, customers, discounts } from "../../api/payment/table.js";
import { tenants } from "../../api/tenant/table.js";
import type { CouponCredit, Reduction } from "./compute.js";
import type { InvoiceParty } from "./party.js";

const left = sql<string>`sum(${creditEntries.amount})`;

/** On which terms a tenant is billed, as its customer account says now. */
export const termsStore = {
  /** Who is billed: the customer account or, without one, the tenant itself. */
  async customer(db: Database, tenant: string): Promise<InvoiceParty> {
    const [account] = await db.select().from(customers).where(eq(customers.tenant, tenant));
    const [own] = await db.select().from(tenants).where(eq(tenants.login, tenant));
    return {
      name: account?.name || own?.name || tenant,
      email: account?.email || own?.email || "",
      vat: account?.vat || own?.vat || "",
      address: account?.address ?? null,
    };
  },

  /** The discounts in the order in which they are applied. */
  async discounts(db: Database, tenant: string): Promise<Reduction[]> {
    const rows = await db
      .select()
      .from(discounts)
      .where(eq(discounts.tenant, tenant))
      .orderBy(asc(discounts.order), asc(discounts.createdAt), asc(discounts.id));
    return rows.map(({ name, amountOff, basisPointsOff }) =>
      amountOff === null
        ? { name, amountOff: null, basisPointsOff: basisPointsOff ?? 0 }
        : { name, amountOff, basisPointsOff: null },
    );
  },

  /** The coupons of which something is left, expired or not. */
  async coupons(db: Database, tenant: string, currency: string): Promise<CouponCredit[]> {
    const { id, expiresAt } = couponGrants;
    const rows = await db
      .select({ grant: id, name: coupons.name, expiresAt, left })
      .from(couponGrants)
      .innerJoin(coupons, eq(coupons.id, couponGrants.coupon))
      .innerJoin(creditEntries, eq(creditEntries.couponGrant, id))
      .where(and(eq(couponGrants.tenant, tenant), eq(creditEntries.currency, currency)))
      .groupBy(id, coupons.name, expiresAt)
      .having(gt(left, sql`0`));
    return rows.map((row) => ({ ...row, left: BigInt(row.left) }));
  },

  /** The credit that is no coupon's, in minor units. */
  async balance(db: Database, tenant: string, currency: string): Promise<bigint> {
    const own = and(eq(creditEntries.tenant, tenant), eq(creditEntries.currency, currency));
    const [row] = await db
      .select({ left: sql<string>`coalesce(${left}, 0)` })
      .from(creditEntries)
      .where(and(own, isNull(creditEntries.couponGrant)));
    return BigInt(row?.left ?? 0);
  },
};
