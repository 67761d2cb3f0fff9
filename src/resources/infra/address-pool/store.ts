import { and, eq, inArray, isNull, lte, notInArray, or, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { ips } from "../../api/ip/table.js";
import type { AddressRange } from "./ranges.js";
import { addressPools, addressRanges, freeAddresses } from "./table.js";

export type AddressPoolRow = typeof addressPools.$inferSelect;

/** A pool with its ranges, and how many of its addresses are not free. */
export interface AddressPoolView extends AddressPoolRow {
  readonly cidrs: readonly string[];
  readonly allocated: number;
  readonly quarantined: number;
}

// As text, or a range of a single address would come without its mask.
const withMask = sql<string>`${addressRanges.cidr}::text`;

export const addressPoolStore = {
  async insert(tx: Database, row: typeof addressPools.$inferInsert): Promise<void> {
    await tx.insert(addressPools).values(row);
  },

  /** Adds ranges with all of their addresses free; the database refuses one that overlaps another. */
  async addRanges(tx: Database, pool: string, ranges: readonly AddressRange[], newId: () => string): Promise<void> {
    if (ranges.length === 0) return;
    await tx.insert(addressRanges).values(ranges.map(({ cidr }) => ({ id: newId(), pool, cidr })));
    const runs = ranges.flatMap((range) => range.runs);
    await tx.insert(freeAddresses).values(runs.map((run) => ({ id: newId(), pool, ...run })));
  },

  async get(db: Database, id: string): Promise<AddressPoolView | undefined> {
    return (await views(db, eq(addressPools.id, id)))[0];
  },

  /** The pools by name; with a partition those of it, and those of all. */
  list(db: Database, partition?: string): Promise<AddressPoolView[]> {
    const matches = or(isNull(addressPools.partition), eq(addressPools.partition, partition ?? ""));
    return views(db, partition === undefined ? undefined : matches);
  },

  /** A pool by name, locked until the transaction ends. */
  async lockByName(tx: Database, name: string): Promise<AddressPoolRow | undefined> {
    const [row] = await tx.select().from(addressPools).where(eq(addressPools.name, name)).for("update");
    return row;
  },

  /** The ranges of a pool. */
  async cidrs(db: Database, pool: string): Promise<string[]> {
    const rows = await db.select({ cidr: withMask }).from(addressRanges).where(eq(addressRanges.pool, pool));
    return rows.map(({ cidr }) => cidr);
  },

  async update(
    tx: Database,
    id: string,
    change: Partial<Pick<AddressPoolRow, "description" | "enabled" | "partition" | "network" | "configured">>,
    now: Date,
  ): Promise<void> {
    await tx
      .update(addressPools)
      .set({ ...change, updatedAt: now })
      .where(eq(addressPools.id, id));
  },

  /** Stops handing out from pools of the configuration that are no longer in it. */
  async disableOthers(db: Database, names: readonly string[], now: Date): Promise<void> {
    await db
      .update(addressPools)
      .set({ enabled: false, updatedAt: now })
      .where(
        and(
          eq(addressPools.configured, true),
          eq(addressPools.enabled, true),
          names.length === 0 ? undefined : notInArray(addressPools.name, [...names]),
        ),
      );
  },

  /** Deletes an operator's pool; false when there is none. A pool with addresses is held by its foreign key. */
  async delete(db: Database, id: string, now: Date): Promise<boolean> {
    return await db.transaction(async (tx) => {
      // Addresses whose rest is over are free: they hold no pool back.
      await tx.delete(ips).where(and(eq(ips.pool, id), lte(ips.quarantinedUntil, now)));
      const rows = await tx
        .delete(addressPools)
        .where(and(eq(addressPools.id, id), eq(addressPools.configured, false)))
        .returning({ id: addressPools.id });
      return rows.length > 0;
    });
  },
};

async function views(db: Database, where: ReturnType<typeof and>): Promise<AddressPoolView[]> {
  const rows = await db.select().from(addressPools).where(where).orderBy(addressPools.name);
  const ids = rows.map(({ id }) => id);
  if (ids.length === 0) return [];
  const ranges = await db
    .select({ pool: addressRanges.pool, cidr: withMask })
    .from(addressRanges)
    .where(inArray(addressRanges.pool, ids))
    .orderBy(addressRanges.cidr);
  const counts = await db
    .select({
      pool: ips.pool,
      allocated: sql<number>`count(*) filter (where ${ips.quarantinedUntil} is null)`.mapWith(Number),
      quarantined: sql<number>`count(*) filter (where ${ips.quarantinedUntil} is not null)`.mapWith(Number),
    })
    .from(ips)
    .where(inArray(ips.pool, ids))
    .groupBy(ips.pool);
  return rows.map((row) => {
    const { allocated = 0, quarantined = 0 } = counts.find(({ pool }) => pool === row.id) ?? {};
    return {
      ...row,
      cidrs: ranges.filter(({ pool }) => pool === row.id).map(({ cidr }) => cidr),
      allocated,
      quarantined,
    };
  });
}
