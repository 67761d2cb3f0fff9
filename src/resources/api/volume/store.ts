import { and, eq, getTableColumns, isNull, type SQL } from "drizzle-orm";
import type { PgColumn } from "drizzle-orm/pg-core";
import type { Database } from "../../../db/database.js";
import { asTexts, type TextRow } from "../../../db/text-rows.js";
import { clusters } from "../cluster/table.js";
import { projects } from "../project/table.js";
import { isUuid } from "../uuid.js";
import { snapshots, volumes } from "./table.js";

/** What is shown of a volume, and where it is. */
const { claimNamespace, claimName, statisticsAt, createdAt, updatedAt, deletedAt, ...shown } = getTableColumns(volumes);
const listed = { ...shown, clusterName: clusters.name };
export type VolumeRow = Pick<typeof volumes.$inferSelect, keyof typeof shown> & { readonly clusterName: string };
export type SnapshotRow = typeof snapshots.$inferSelect;

/** Which volumes or snapshots; what is left out matches all. */
export interface StorageFilter {
  readonly project?: string | undefined;
  readonly id?: string | undefined;
  readonly partition?: string | undefined;
  readonly name?: string | undefined;
  readonly tenant?: string | undefined;
}

export const volumeStore = {
  /** A volume of that project that is there. */
  async get(db: Database, project: string, id: string): Promise<VolumeRow | undefined> {
    return (await volumeStore.list(db, { project, id }))[0];
  },

  /** Volumes that are there, by id. */
  async list(db: Database, filter: StorageFilter): Promise<VolumeRow[]> {
    const { rows } = await db.execute<TextRow<typeof listed>>(
      db
        .select(asTexts(listed))
        .from(volumes)
        .innerJoin(clusters, eq(clusters.id, volumes.cluster))
        .innerJoin(projects, eq(projects.id, volumes.project))
        .where(matching(volumes, filter))
        .orderBy(volumes.id),
    );
    return rows.map(volumeRow);
  },

  /** Whether the labels of a volume are as a patch leaves them: its texts are set, its nulls are not there. */
  async hasLabels(db: Database, id: string, patch: Readonly<Record<string, string | null>>): Promise<boolean> {
    const [row] = await db.select({ labels: volumes.labels }).from(volumes).where(eq(volumes.id, id));
    const labels = new Map(Object.entries(row?.labels ?? {}));
    return Object.entries(patch).every(([key, value]) => (labels.get(key) ?? null) === value);
  },
};

export const snapshotStore = {
  /** A snapshot of that project that is there. */
  async get(db: Database, project: string, id: string): Promise<SnapshotRow | undefined> {
    return (await snapshotStore.list(db, { project, id }))[0];
  },

  /** Snapshots that are there, by id. */
  async list(db: Database, filter: StorageFilter): Promise<SnapshotRow[]> {
    const rows = await db
      .select({ snapshot: snapshots })
      .from(snapshots)
      .innerJoin(projects, eq(projects.id, snapshots.project))
      .where(matching(snapshots, filter))
      .orderBy(snapshots.id);
    return rows.map(({ snapshot }) => snapshot);
  },
};

function volumeRow(text: TextRow<typeof listed>): VolumeRow {
  return {
    ...text,
    size: BigInt(text.size),
    attachedTo: JSON.parse(text.attachedTo),
    nodeIps: JSON.parse(text.nodeIps),
    labels: JSON.parse(text.labels),
    replicaCount: Number(text.replicaCount),
    statistics: text.statistics === null ? null : JSON.parse(text.statistics),
  };
}

function matching(table: typeof volumes | typeof snapshots, filter: StorageFilter): SQL | undefined {
  const equal = (column: PgColumn, value: string | undefined) => (value === undefined ? undefined : eq(column, value));
  return and(
    isNull(table.deletedAt),
    isId(table.project, filter.project),
    isId(table.id, filter.id),
    equal(table.partition, filter.partition),
    equal(table.name, filter.name),
    equal(projects.tenant, filter.tenant),
  );
}

/** A text that is no uuid equals no row, where the database would fail to compare. */
function isId(column: PgColumn, id: string | undefined): SQL | undefined {
  if (id === undefined) return undefined;
  return eq(column, isUuid(id) ? id : "00000000-0000-0000-0000-000000000000");
}
