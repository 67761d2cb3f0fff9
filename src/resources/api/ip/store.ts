import { and, eq, isNotNull, type SQL, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { addressPools } from "../../infra/address-pool/table.js";
import { isUuid } from "../uuid.js";
import { ips, ipUses } from "./table.js";

/** An address that a project has, with the network of its pool. */
export type IpRow = Omit<typeof ips.$inferSelect, "project"> & { readonly project: string; readonly network: string };

/** What a caller decides about a new address. */
export interface NewIp {
  readonly id: string;
  readonly project: string;
  readonly name: string;
  readonly description: string;
  readonly type: "ephemeral" | "static";
  readonly tags: readonly string[];
  readonly now: Date;
  /** Only of this family; of either unless given. */
  readonly family?: 4 | 6 | undefined;
}

export const ipStore = {
  /** An address of that project. */
  async get(db: Database, project: string, id: string): Promise<IpRow | undefined> {
    if (!isUuid(project) || !isUuid(id)) return undefined;
    return (await select(db, and(eq(ips.project, project), eq(ips.id, id))))[0];
  },

  /** The same, locked until the transaction ends. */
  async lock(tx: Database, project: string, id: string): Promise<IpRow | undefined> {
    if (!isUuid(project) || !isUuid(id)) return undefined;
    await tx
      .select({ id: ips.id })
      .from(ips)
      .where(and(eq(ips.project, project), eq(ips.id, id)))
      .for("update");
    return await ipStore.get(tx, project, id);
  },

  list(db: Database, project: string): Promise<IpRow[]> {
    return isUuid(project) ? select(db, eq(ips.project, project)).then((rows) => rows) : Promise.resolve([]);
  },

  /** Hands out an address of a pool that nobody has; undefined when there is none. The database does it in one call. */
  async allocate(db: Database, pool: string, ip: NewIp): Promise<string | undefined> {
    const { id, project, name, description, type, tags, now, family } = ip;
    const { rows } = await db.execute<{ address: string | null }>(sql`
      select host(allocate_address(${id}, ${pool}, ${project}, ${name}, ${description}, ${type},
        ${sql.param([...tags])}::text[], ${now.toISOString()}::timestamptz, ${family ?? null}::int)) as address`);
    return rows[0]?.address ?? undefined;
  },

  async update(
    tx: Database,
    id: string,
    change: Partial<Pick<IpRow, "name" | "description" | "type" | "tags">>,
    now: Date,
  ): Promise<void> {
    await tx
      .update(ips)
      .set({ ...change, tags: change.tags === undefined ? undefined : [...change.tags], updatedAt: now })
      .where(eq(ips.id, id));
  },

  /** Whether a Service of any cluster uses the address. */
  async isUsed(tx: Database, id: string): Promise<boolean> {
    const [row] = await tx.select({ ip: ipUses.ip }).from(ipUses).where(eq(ipUses.ip, id)).limit(1);
    return row !== undefined;
  },

  /** Takes an address from its project; it is handed out again after the time. */
  async release(tx: Database, id: string, until: Date, now: Date): Promise<void> {
    await tx
      .update(ips)
      .set({ project: null, name: "", description: "", tags: [], quarantinedUntil: until, updatedAt: now })
      .where(and(eq(ips.id, id), isNotNull(ips.project)));
  },
};

function select(db: Database, where: SQL | undefined): Promise<IpRow[]> {
  return db
    .select({
      id: ips.id,
      pool: ips.pool,
      address: ips.address,
      project: sql<string>`${ips.project}`,
      name: ips.name,
      description: ips.description,
      type: ips.type,
      tags: ips.tags,
      createdAt: ips.createdAt,
      updatedAt: ips.updatedAt,
      quarantinedUntil: ips.quarantinedUntil,
      network: addressPools.network,
    })
    .from(ips)
    .innerJoin(addressPools, eq(addressPools.id, ips.pool))
    .where(where)
    .orderBy(ips.id);
}
