import { and, eq, isNull, type SQL, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { storableJson } from "../../../db/storable-json.js";
import { clusters } from "../cluster/table.js";
import { projects } from "../project/table.js";
import type { SnapshotRecord, VolumeRecord } from "./observe.js";
import { snapshots, volumes } from "./table.js";

/** Where records were seen. */
export interface SeenIn {
  readonly id: string;
  readonly project: string;
  readonly partition: string;
}

/**
 * Whether a cluster may report what is known: if it has reported it before, or if it is gone from another cluster of
 * the same tenant, who may have brought it from there.
 */
const mayReport = (table: typeof volumes | typeof snapshots): SQL => {
  const tenant = (id: SQL): SQL => sql`(select of.tenant from ${projects} of where of.id = ${id})`;
  const known = tenant(sql`${table}.project`);
  return sql`${table}.cluster = excluded.cluster
    or (${table}.deleted_at is not null and ${known} = ${tenant(sql`excluded.project`)})`;
};

/**
 * Writes what clusters report, and answers the ids of what was written. A cluster belongs to its tenant, who may put
 * anything into it: a record whose id is another cluster's is left out.
 */
export const sightingStore = {
  async putVolumes(db: Database, cluster: SeenIn, records: readonly VolumeRecord[], now: Date): Promise<string[]> {
    if (records.length === 0) return [];
    const { rows } = await db.execute<{ id: string }>(sql`
      insert into ${volumes} (id, project, cluster, partition, persistent_volume, name, claim_namespace, claim_name,
        storage_class, size, state, volume_handle, attached_to, node_ips, source_snapshot, source_snapshot_name, labels,
        created_at, updated_at)
      select r.id, ${cluster.project}::uuid, ${cluster.id}::uuid, ${cluster.partition}, r.persistent_volume, r.name,
        r.claim_namespace, r.claim_name, r.storage_class, r.size, r.state, r.volume_handle, r.attached_to, r.node_ips,
        r.source_snapshot, r.source_snapshot_name, r.labels, r.created_at, ${now.toISOString()}::timestamptz
      from jsonb_to_recordset(${storableJson(records)}::jsonb) as r (id uuid, persistent_volume text, name text,
        claim_namespace text, claim_name text, storage_class text, size bigint, state text, volume_handle text,
        attached_to text[], node_ips text[], source_snapshot uuid, source_snapshot_name text, labels jsonb,
        created_at timestamptz)
      on conflict (id) do update set
        project = excluded.project, cluster = excluded.cluster, partition = excluded.partition,
        persistent_volume = excluded.persistent_volume, name = excluded.name,
        claim_namespace = excluded.claim_namespace, claim_name = excluded.claim_name,
        storage_class = excluded.storage_class, size = excluded.size, state = excluded.state,
        volume_handle = excluded.volume_handle, attached_to = excluded.attached_to, node_ips = excluded.node_ips,
        source_snapshot = coalesce(excluded.source_snapshot, ${volumes}.source_snapshot),
        source_snapshot_name = coalesce(excluded.source_snapshot_name, ${volumes}.source_snapshot_name),
        labels = excluded.labels, updated_at = excluded.updated_at, deleted_at = null
      where ${mayReport(volumes)} returning id`);
    return rows.map(({ id }) => id);
  },

  async putSnapshots(db: Database, cluster: SeenIn, records: readonly SnapshotRecord[], now: Date): Promise<string[]> {
    if (records.length === 0) return [];
    const { rows } = await db.execute<{ id: string }>(sql`
      insert into ${snapshots} (id, project, cluster, partition, content, namespace, name, description, storage_class,
        size, state, source_volume, source_volume_name, retention_seconds, created_at, updated_at)
      select r.id, ${cluster.project}::uuid, ${cluster.id}::uuid, ${cluster.partition}, r.content, r.namespace, r.name,
        r.description, r.storage_class, r.size, r.state, r.source_volume, r.source_volume_name, r.retention_seconds,
        r.created_at, ${now.toISOString()}::timestamptz
      from jsonb_to_recordset(${storableJson(records)}::jsonb) as r (id uuid, content text, namespace text, name text,
        description text, storage_class text, size bigint, state text, source_volume uuid, source_volume_name text,
        retention_seconds integer, created_at timestamptz)
      on conflict (id) do update set
        project = excluded.project, cluster = excluded.cluster, partition = excluded.partition, content = excluded.content, namespace = excluded.namespace, name = excluded.name,
        description = excluded.description, storage_class = excluded.storage_class, size = excluded.size,
        state = excluded.state, source_volume = coalesce(excluded.source_volume, ${snapshots}.source_volume),
        source_volume_name = coalesce(excluded.source_volume_name, ${snapshots}.source_volume_name),
        retention_seconds = excluded.retention_seconds, updated_at = excluded.updated_at, deleted_at = null
      where ${mayReport(snapshots)} returning id`);
    return rows.map(({ id }) => id);
  },

  /** Ids of all that a cluster has, as far as it is known. */
  async known(db: Database, cluster: string): Promise<{ volumes: string[]; snapshots: string[] }> {
    const ids = async (table: typeof volumes | typeof snapshots) => {
      const rows = await db
        .select({ id: table.id })
        .from(table)
        .where(and(eq(table.cluster, cluster), isNull(table.deletedAt)));
      return rows.map(({ id }) => id);
    };
    return { volumes: await ids(volumes), snapshots: await ids(snapshots) };
  },

  /** What is no longer there keeps its row, as history. */
  async markDeleted(
    db: Database,
    cluster: string,
    gone: { readonly volumes: readonly string[]; readonly snapshots: readonly string[] },
    now: Date,
  ): Promise<void> {
    const of = (table: typeof volumes | typeof snapshots, ids: readonly string[]): SQL | undefined =>
      and(eq(table.cluster, cluster), sql`${table.id} = any(${sql.param([...ids])}::uuid[])`, isNull(table.deletedAt));
    const set = { deletedAt: now, updatedAt: now, attachedTo: [], nodeIps: [] };
    if (gone.volumes.length > 0) await db.update(volumes).set(set).where(of(volumes, gone.volumes));
    if (gone.snapshots.length > 0) {
      await db.update(snapshots).set({ deletedAt: now, updatedAt: now }).where(of(snapshots, gone.snapshots));
    }
  },

  /** What was in a cluster went with it. */
  async endOfDeletedClusters(db: Database): Promise<void> {
    for (const table of [volumes, snapshots]) {
      await db.execute(sql`
        update ${table} t set deleted_at = c.deleted_at, updated_at = c.deleted_at
        from ${clusters} c where c.id = t.cluster and c.deleted_at is not null and t.deleted_at is null`);
    }
  },
};
