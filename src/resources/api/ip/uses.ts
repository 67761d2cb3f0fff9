import { and, eq, inArray, isNotNull, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { storableJson } from "../../../db/storable-json.js";
import { clusters } from "../cluster/table.js";
import { ips, ipUses } from "./table.js";

/** A Service that uses an address. */
export interface AddressUse {
  readonly address: string;
  readonly namespace: string;
  readonly service: string;
}

/** What a change of uses brings about. */
export interface UsesChanged {
  /** The ephemeral addresses that lost their last use, locked until the transaction ends. */
  readonly unused: readonly string[];
  /** The projects whose clusters may now use other addresses than before. */
  readonly projects: readonly string[];
}

export const ipUseStore = {
  /** Makes the uses in a cluster those that are given; uses of addresses that the project does not have are left out. */
  async replace(
    tx: Database,
    cluster: { readonly id: string; readonly project: string },
    uses: readonly AddressUse[],
    now: Date,
  ): Promise<UsesChanged> {
    const wanted = sql`
      select i.id as ip, u.namespace, u.service
      from jsonb_to_recordset(${storableJson(uses)}::jsonb) as u (address text, namespace text, service text)
      join ${ips} i on i.address = u.address::inet and i.project = ${cluster.project}::uuid`;
    const { rows } = await tx.execute<{ ip: string }>(sql`
      delete from ${ipUses} o
      where o.cluster = ${cluster.id}
        and not exists (
          select 1 from (${wanted}) w where w.ip = o.ip and w.namespace = o.namespace and w.service = o.service)
      returning o.ip`);
    const { rowCount: begun } = await tx.execute(sql`
      insert into ${ipUses} (ip, cluster, namespace, service, since)
      select w.ip, ${cluster.id}::uuid, w.namespace, w.service, ${now.toISOString()}::timestamptz
      from (${wanted} order by i.id for share of i) w
      on conflict do nothing`);
    const ended = rows.map(({ ip }) => ip);
    const isChanged = ended.length > 0 || (begun ?? 0) > 0;
    return { unused: await unusedEphemeral(tx, ended), projects: isChanged ? [cluster.project] : [] };
  },

  /** Ends the uses of deleted clusters. */
  async endOfDeleted(tx: Database): Promise<UsesChanged> {
    const deleted = tx.select({ id: clusters.id }).from(clusters).where(isNotNull(clusters.deletedAt));
    const rows = await tx.delete(ipUses).where(inArray(ipUses.cluster, deleted)).returning({ ip: ipUses.ip });
    const ended = [...new Set(rows.map(({ ip }) => ip))];
    if (ended.length === 0) return { unused: [], projects: [] };
    const of = await tx.selectDistinct({ project: ips.project }).from(ips).where(inArray(ips.id, ended));
    const projects = of.flatMap(({ project }) => project ?? []);
    return { unused: await unusedEphemeral(tx, ended), projects };
  },

  /** The addresses that a cluster's load balancers may use: those of its project that no other cluster used first. */
  async availableTo(
    db: Database,
    { id, project }: { readonly id: string; readonly project: string },
  ): Promise<string[]> {
    const own = sql`select min(o.since) from ${ipUses} o where o.ip = ${ips.id} and o.cluster = ${id}::uuid`;
    const elsewhere = sql`exists (
      select 1 from ${ipUses} u
      where u.ip = ${ips.id} and u.cluster <> ${id}::uuid
        and (u.since, u.cluster) < (coalesce((${own}), 'infinity'::timestamptz), ${id}::uuid))`;
    const rows = await db
      .select({ address: ips.address })
      .from(ips)
      .where(and(eq(ips.project, project), sql`not ${elsewhere}`))
      .orderBy(ips.address);
    return rows.map(({ address }) => address);
  },
};

/** Those of the addresses that are ephemeral and that nobody uses, locked until the transaction ends. */
async function unusedEphemeral(tx: Database, candidates: readonly string[]): Promise<string[]> {
  if (candidates.length === 0) return [];
  // Whoever begins or ends a use meanwhile is waited for, and is seen by the second statement.
  const locked = inArray(ips.id, [...new Set(candidates)]);
  await tx.select({ id: ips.id }).from(ips).where(locked).orderBy(ips.id).for("update");
  const rows = await tx
    .select({ id: ips.id })
    .from(ips)
    .where(
      and(
        locked,
        eq(ips.type, "ephemeral"),
        isNotNull(ips.project),
        sql`not exists (select 1 from ${ipUses} u where u.ip = ${ips.id})`,
      ),
    )
    .orderBy(ips.id)
    .for("update");
  return rows.map(({ id }) => id);
}
