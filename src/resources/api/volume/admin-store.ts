import { and, eq, isNull, type SQL, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { volumes } from "./table.js";

/** What the volumes of one partition come to; sizes in bytes. */
export interface StorageSums {
  readonly partition: string;
  readonly size: bigint;
  readonly used: bigint;
  /** Those that no claim can use: Pending, Released and Failed. */
  readonly notAvailable: number;
  readonly failed: number;
}

/** A sum as the wire can carry it: what tenants report may come to more than 64 bits. */
const uint64 = (sum: SQL): SQL<bigint> =>
  sql`least(coalesce(${sum}, 0), 18446744073709551615)`.mapWith((text: string) => BigInt(text));

/** The sums of each partition that has volumes, or of one. */
export function storageSums(db: Database, partition: string | undefined): Promise<StorageSums[]> {
  return db
    .select({
      partition: volumes.partition,
      size: uint64(sql`sum(${volumes.size})`),
      used: uint64(sql`sum((${volumes.statistics} ->> 'usedBytes')::numeric)`),
      notAvailable: sql<number>`count(*) filter (where ${volumes.state} not in ('Available', 'Bound'))::int`,
      failed: sql<number>`count(*) filter (where ${volumes.state} = 'Failed')::int`,
    })
    .from(volumes)
    .where(and(isNull(volumes.deletedAt), partition === undefined ? undefined : eq(volumes.partition, partition)))
    .groupBy(volumes.partition);
}
