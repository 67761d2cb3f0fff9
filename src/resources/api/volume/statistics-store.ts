import { and, eq, exists, isNull, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { storableJson } from "../../../db/storable-json.js";
import type { ClusterRef } from "../cluster/kube.js";
import { clusters } from "../cluster/table.js";
import type { Measured } from "./statistics.js";
import { snapshots, volumes } from "./table.js";

/** A cluster that can be looked into. */
export type MeasurableCluster = ClusterRef & { readonly partition: string };

export const statisticsStore = {
  /** The clusters with volumes whose API server answers; in another order each time, so that none is always last. */
  measurable(db: Database): Promise<MeasurableCluster[]> {
    const { id, name, project, partition } = clusters;
    const own = db.select({ id: volumes.id }).from(volumes);
    return db
      .select({ id, name, project, partition })
      .from(clusters)
      .where(
        and(
          isNull(clusters.deletedAt),
          isNull(clusters.deleteRequestedAt),
          eq(clusters.apiServerReady, "True"),
          exists(own.where(and(eq(volumes.cluster, clusters.id), isNull(volumes.deletedAt)))),
        ),
      )
      .orderBy(sql`random()`);
  },

  /** Writes what was measured in a cluster, in one statement; whatever was not measured keeps its older figures. */
  async put(db: Database, cluster: string, { volumes: full, snapshots: taken }: Measured, now: Date): Promise<void> {
    if (full.length === 0 && taken.length === 0) return;
    const at = sql`${now.toISOString()}::timestamptz`;
    const own = sql`v.cluster = ${cluster} and v.deleted_at is null`;
    await db.execute(sql`
      with measured as (
        select * from jsonb_to_recordset(${storableJson(full)}::jsonb)
          as r (handle text, namespace text, claim text, figures jsonb)
      ), matched as (
        select v.id, m.figures from measured m join ${volumes} v on v.volume_handle = m.handle
        where ${own} and m.handle <> ''
        union all
        select v.id, m.figures from measured m
          join ${volumes} v on v.claim_namespace = m.namespace and v.claim_name = m.claim
        where ${own} and v.state = 'Bound'
      ), written as (
        update ${volumes} v set statistics = m.figures, statistics_at = ${at} from matched m where v.id = m.id
      )
      update ${snapshots} s set statistics = r.figures, statistics_at = ${at}
      from jsonb_to_recordset(${storableJson(taken)}::jsonb) as r (content text, figures jsonb)
      where s.cluster = ${cluster} and s.deleted_at is null and s.content = r.content`);
  },
};
