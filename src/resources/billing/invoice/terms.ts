import { and, eq, gt, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { creditStore, discountStore } from "../../api/payment/credit-store.js";
import { couponGrants, coupons, creditEntries, customers } from "../../api/payment/table.js";
import { tenants } from "../../api/tenant/table.js";
import type { CouponCredit, InvoiceTerms, Reduction } from "./compute.js";
import type { InvoiceParty } from "./party.js";

const left = sql<string>`sum(${creditEntries.amount})`;

/** Who is billed: the customer account or, without one, the tenant itself. */
export async function customerOf(db: Database, tenant: string): Promise<InvoiceParty> {
  const [account] = await db.select().from(customers).where(eq(customers.tenant, tenant));
  const [own] = await db.select().from(tenants).where(eq(tenants.login, tenant));
  return {
    name: account?.name || own?.name || tenant,
    email: account?.email || own?.email || "",
    vat: account?.vat || own?.vat || "",
    address: account?.address ?? null,
  };
}

/** What a tenant has against what it owes: discounts, and what is left of its credit now. */
export async function termsOf(
  db: Database,
  tenant: string,
  currency: string,
): Promise<Pick<InvoiceTerms, "discounts" | "coupons" | "balance">> {
  return {
    discounts: (await discountStore.list(db, tenant)).map(reductionOf),
    coupons: await couponsOf(db, tenant, currency),
    balance: await creditStore.balance(db, tenant, currency),
  };
}

/** The coupons of which something is left, expired or not. */
async function couponsOf(db: Database, tenant: string, currency: string): Promise<CouponCredit[]> {
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
}

function reductionOf(row: { name: string; amountOff: bigint | null; basisPointsOff: number | null }): Reduction {
  const { name, amountOff, basisPointsOff } = row;
  if (amountOff !== null) return { name, amountOff, basisPointsOff: null };
  return { name, amountOff: null, basisPointsOff: basisPointsOff ?? 0 };
}
