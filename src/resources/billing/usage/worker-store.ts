import { type SQL, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { clusters } from "../../api/cluster/table.js";
import { clusterWorkers } from "./table.js";

/** The nodes that a cluster shows. */
export interface SeenNodes {
  /** How many there are, by machine type. */
  readonly machines: ReadonlyMap<string, number>;
  /** Whether these are all. */
  readonly all: boolean;
}

/**
 * How many machines of each type count: those that are seen, but no fewer and no more than were ordered of the type,
 * for a cluster is its tenant's, who may hide, relabel or invent nodes. Where there are more nodes than can be counted,
 * all that were ordered count. Types that were not ordered, or are no longer, count nothing. No row for a cluster
 * whose deletion was asked for.
 */
const counted = (cluster: string, { machines, all }: SeenNodes, lock: SQL) => sql`
  with living as (
    select id, workers from ${clusters} where id = ${cluster} and delete_requested_at is null and deleted_at is null ${lock}
  ), ordered as (
    select w."machineType" as machine_type, sum(w."minSize")::int as at_least, sum(w."maxSize")::int as at_most
    from living, jsonb_to_recordset(workers) as w ("machineType" text, "minSize" int, "maxSize" int) group by 1
  ), seen as (
    select * from jsonb_to_recordset(${json(machines)}::jsonb) as s (machine_type text, machines int)
  ), counted as (
    select living.id as cluster, t.machine_type, case when o.machine_type is null then 0
      when ${all} then least(greatest(coalesce(s.machines, 0), o.at_least), o.at_most) else o.at_most end as machines
    from living cross join (
      select machine_type from ordered union select machine_type from ${clusterWorkers} where cluster = ${cluster}) t
    left join ordered o using (machine_type) left join seen s using (machine_type)
  )`;

export const workerStore = {
  /** Writes how many machines of each type a cluster runs, where that has changed. */
  async put(db: Database, cluster: string, seen: SeenNodes, now: Date): Promise<void> {
    const { rows } = await db.execute(sql`${counted(cluster, seen, sql``)}
      select from counted c left join ${clusterWorkers} w using (cluster, machine_type)
      where w.machines is distinct from c.machines limit 1`);
    if (rows.length === 0) return;
    // The lock makes a request to delete the cluster wait, or be seen: after it nothing counts any more.
    await db.execute(sql`${counted(cluster, seen, sql`for share`)}
      insert into ${clusterWorkers} as w (cluster, machine_type, machines, updated_at)
      select cluster, machine_type, machines, ${now.toISOString()}::timestamptz from counted order by machine_type
      on conflict (cluster, machine_type) do update set machines = excluded.machines, updated_at = excluded.updated_at
      where w.machines <> excluded.machines`);
  },
};

const json = (machines: ReadonlyMap<string, number>): string =>
  JSON.stringify([...machines].map(([machine_type, count]) => ({ machine_type, machines: count })));
