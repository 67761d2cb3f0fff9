import { desc, eq, inArray, lte, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { prices } from "./table.js";

/** A price as it is stored; amounts and sizes are whole numbers. */
export interface PriceRow extends Omit<typeof prices.$inferSelect, "unitSize" | "unitAmountNano"> {
  readonly unitSize: bigint;
  /** Billionths of a minor unit. */
  readonly unitAmountNano: bigint;
}

/** How a product is called: the part of its prices that may change at any time. */
export type PriceWords = Pick<PriceRow, "name" | "description" | "unitLabel" | "productType">;

export const priceStore = {
  /** All prices by product, the oldest first. */
  async list(db: Database): Promise<PriceRow[]> {
    return (await db.select().from(prices).orderBy(prices.product, prices.validFrom)).map(exactPrice);
  },

  /** The price of each product that holds at that time, by kind and name of the product. */
  async current(db: Database, at: Date): Promise<PriceRow[]> {
    const newest = db
      .selectDistinctOn([prices.product])
      .from(prices)
      .where(lte(prices.validFrom, at))
      .orderBy(prices.product, desc(prices.validFrom))
      .as("newest");
    return (await db.select().from(newest).orderBy(newest.productType, newest.name, newest.product)).map(exactPrice);
  },

  /** The currency of all prices; undefined when there are none. */
  async currency(db: Database): Promise<string | undefined> {
    const [row] = await db.select({ currency: prices.currency }).from(prices).limit(1);
    return row?.currency;
  },

  /** Keeps others from changing prices until the transaction ends; reading goes on. */
  async lock(tx: Database): Promise<void> {
    await tx.execute(sql`lock table ${prices} in share row exclusive mode`);
  },

  async insert(tx: Database, rows: readonly PriceRow[]): Promise<void> {
    if (rows.length === 0) return;
    const values = rows.map((row) => ({
      ...row,
      unitSize: String(row.unitSize),
      unitAmountNano: String(row.unitAmountNano),
    }));
    await tx.insert(prices).values(values);
  },

  /** Calls a product otherwise, in all of its prices. */
  async rename(
    tx: Database,
    product: string,
    { name, description, unitLabel, productType }: PriceWords,
  ): Promise<void> {
    await tx.update(prices).set({ name, description, unitLabel, productType }).where(eq(prices.product, product));
  },

  /** Withdraws prices; the database refuses it for those that were charged. */
  async delete(tx: Database, ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await tx.delete(prices).where(inArray(prices.id, [...ids]));
  },
};

/** A price with its numbers as they are reckoned with. */
export function exactPrice(row: typeof prices.$inferSelect): PriceRow {
  return { ...row, unitSize: BigInt(row.unitSize), unitAmountNano: BigInt(row.unitAmountNano) };
}
