import { and, asc, desc, eq, gt, isNull, lt, ne, or, type SQL, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { constraintOf } from "../../../db/errors.js";
import { DomainError } from "../../../errors.js";
import { invoices } from "../../billing/invoice/table.js";
import type { Processor } from "./processor.js";
import { couponGrants, coupons, creditEntries, discounts } from "./table.js";

export type CouponRow = typeof coupons.$inferSelect;
export type DiscountRow = typeof discounts.$inferSelect;
export type CouponGrantRow = typeof couponGrants.$inferSelect;

/** A coupon, and how often it was granted. */
export interface CouponUse {
  readonly coupon: CouponRow;
  readonly redeemed: number;
}

/** A coupon that a customer has, and what is left of it. */
export interface CouponLeft extends CouponUse {
  readonly grant: CouponGrantRow;
  /** Minor units. */
  readonly left: bigint;
}

/** What invoices took of a coupon grant, or of the balance. */
export interface CreditUsed {
  /** Null for the balance. */
  readonly couponGrant: string | null;
  readonly currency: string;
  /** Minor units, above 0. */
  readonly amount: bigint;
}

const redeemed = sql<number>`(select count(*) from ${couponGrants} where ${couponGrants.coupon} = ${coupons}.${sql.identifier("id")})::int`;
const leftOfGrant = sql<string>`(select coalesce(sum(${creditEntries.amount}), 0) from ${creditEntries}
  where ${creditEntries.tenant} = ${couponGrants}.${sql.identifier("tenant")}
    and ${creditEntries.couponGrant} = ${couponGrants}.${sql.identifier("id")})`;

export const creditStore = {
  async insertCoupon(db: Database, row: typeof coupons.$inferInsert): Promise<CouponRow> {
    const [made] = await db.insert(coupons).values(row).returning();
    if (made === undefined) throw new Error("the database returned no coupon");
    return made;
  },

  /** The coupons that can be granted now, the newest first. */
  async grantable(db: Database, now: Date, limit: number): Promise<CouponUse[]> {
    const isLeft = or(isNull(coupons.maxRedemptions), lt(redeemed, coupons.maxRedemptions));
    const inTime = or(isNull(coupons.redeemBy), sql`${coupons.redeemBy} >= ${now.toISOString()}::timestamptz`);
    return await db
      .select({ coupon: coupons, redeemed })
      .from(coupons)
      .where(and(isNull(coupons.withdrawnAt), inTime, isLeft))
      .orderBy(desc(coupons.createdAt), coupons.id)
      .limit(limit);
  },

  /** How many coupons are not withdrawn. */
  async countOffered(db: Database): Promise<number> {
    return await db.$count(coupons, isNull(coupons.withdrawnAt));
  },

  /** A coupon with the number of its grants, locked until the transaction ends: nobody else can grant it meanwhile. */
  async lockCoupon(tx: Database, id: string): Promise<CouponUse | undefined> {
    const [coupon] = await tx.select().from(coupons).where(eq(coupons.id, id)).for("update");
    if (coupon === undefined) return undefined;
    // A statement of its own, which sees the grants of whoever had the lock before.
    return { coupon, redeemed: await tx.$count(couponGrants, eq(couponGrants.coupon, id)) };
  },

  /** Withdraws a coupon; false when there is none that is not withdrawn. */
  async withdraw(tx: Database, id: string, now: Date): Promise<boolean> {
    const isOffered = and(eq(coupons.id, id), isNull(coupons.withdrawnAt));
    const rows = await tx.update(coupons).set({ withdrawnAt: now }).where(isOffered).returning({ id: coupons.id });
    return rows.length > 0;
  },

  /** Grants a coupon; throws "exists" when the customer had it before. */
  async insertGrant(tx: Database, row: CouponGrantRow): Promise<void> {
    await tx
      .insert(couponGrants)
      .values(row)
      .catch((error: unknown) => {
        if (constraintOf(error) !== "coupon_grants_once") throw error;
        throw new DomainError("exists", `${row.tenant} was granted coupon ${row.coupon} before`);
      });
  },

  /** Writes into the book of credit. */
  async insertEntry(tx: Database, row: typeof creditEntries.$inferInsert): Promise<void> {
    await tx.insert(creditEntries).values(row);
  },

  /** What is left of the credit that is no coupon, in minor units. */
  async balance(db: Database, tenant: string, currency: string): Promise<bigint> {
    const [row] = await db
      .select({ left: sql<string>`coalesce(sum(${creditEntries.amount}), 0)` })
      .from(creditEntries)
      .where(
        and(eq(creditEntries.tenant, tenant), eq(creditEntries.currency, currency), isNull(creditEntries.couponGrant)),
      );
    return BigInt(row?.left ?? 0);
  },

  /** The coupon that is spent next: the one with something left that ends soonest. */
  async couponInUse(db: Database, tenant: string, currency: string, now: Date): Promise<CouponLeft | undefined> {
    const [row] = await db
      .select({ coupon: coupons, grant: couponGrants, redeemed, left: leftOfGrant })
      .from(couponGrants)
      .innerJoin(coupons, eq(coupons.id, couponGrants.coupon))
      .where(
        and(
          eq(couponGrants.tenant, tenant),
          eq(coupons.currency, currency),
          gt(couponGrants.expiresAt, now),
          sql`${leftOfGrant} > 0`,
        ),
      )
      .orderBy(asc(couponGrants.expiresAt), couponGrants.id)
      .limit(1);
    return row && { ...row, left: BigInt(row.left) };
  },

  /** All coupons that a customer was ever granted, the oldest first. */
  async grantsOf(
    db: Database,
    tenant: string,
  ): Promise<{ readonly grant: CouponGrantRow; readonly coupon: CouponRow }[]> {
    return await db
      .select({ grant: couponGrants, coupon: coupons })
      .from(couponGrants)
      .innerJoin(coupons, eq(coupons.id, couponGrants.coupon))
      .where(eq(couponGrants.tenant, tenant))
      .orderBy(couponGrants.grantedAt, couponGrants.id);
  },

  /** All that was given beside coupons, the oldest first. */
  async givenTo(db: Database, tenant: string): Promise<(typeof creditEntries.$inferSelect)[]> {
    return await db
      .select()
      .from(creditEntries)
      .where(and(eq(creditEntries.tenant, tenant), isNull(creditEntries.couponGrant), isNull(creditEntries.invoice)))
      .orderBy(creditEntries.at, creditEntries.id);
  },

  /** What a customer's invoices of other processors than this one took of its credit. */
  async takenElsewhere(db: Database, tenant: string, processor: Processor["name"]): Promise<CreditUsed[]> {
    const { couponGrant, currency } = creditEntries;
    const rows = await db
      .select({ couponGrant, currency, amount: sql<string>`-sum(${creditEntries.amount})` })
      .from(creditEntries)
      .innerJoin(invoices, eq(invoices.id, creditEntries.invoice))
      .where(and(eq(creditEntries.tenant, tenant), ne(invoices.processor, processor)))
      .groupBy(couponGrant, currency);
    return rows.map((row) => ({ ...row, amount: BigInt(row.amount) }));
  },
};

const inOrder: readonly SQL[] = [asc(discounts.order), asc(discounts.createdAt), asc(discounts.id)];

export const discountStore = {
  /** The discounts of a tenant in the order in which they are applied. */
  async list(db: Database, tenant: string): Promise<DiscountRow[]> {
    return await db
      .select()
      .from(discounts)
      .where(eq(discounts.tenant, tenant))
      .orderBy(...inOrder);
  },

  async insert(tx: Database, row: DiscountRow): Promise<void> {
    await tx.insert(discounts).values(row);
  },

  /** Takes a discount away; undefined when the tenant has none of that id. */
  async remove(tx: Database, tenant: string, id: string): Promise<DiscountRow | undefined> {
    const [row] = await tx
      .delete(discounts)
      .where(and(eq(discounts.id, id), eq(discounts.tenant, tenant)))
      .returning();
    return row;
  },
};
