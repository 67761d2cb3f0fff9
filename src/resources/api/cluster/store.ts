import { and, eq, gt, gte, inArray, isNotNull, isNull, lt, lte, or, type SQL, sql } from "drizzle-orm";
import type { PgColumn } from "drizzle-orm/pg-core";
import type { Database } from "../../../db/database.js";
import { projects } from "../project/table.js";
import { isUuid } from "../uuid.js";
import type { ClusterLastError, ClusterObservation } from "./kube.js";
import { observedColumns, saysElse } from "./observed.js";
import { type ClusterOperation, type ClusterRow, clusterFields, clusterStatements, typeOfWish } from "./statements.js";
import { clusters, type WantedCluster } from "./table.js";

export type { ClusterKey, ClusterOperation, ClusterRow } from "./statements.js";

/** Which clusters an operator asks for; what is left out matches all. */
export interface ClusterFilter {
  readonly id?: string | undefined;
  readonly project?: string | undefined;
  readonly tenant?: string | undefined;
  readonly partition?: string | undefined;
  readonly name?: string | undefined;
  readonly purpose?: string | undefined;
  readonly seed?: string | undefined;
  /** Labels that the cluster has, among others. */
  readonly labels?: Readonly<Record<string, string>>;
}

const alive = isNull(clusters.deletedAt);
const nextRevision = sql`${clusters.revision} + 1`;

/** A column of uuids; a text that is none equals no row, where the database would fail to compare. */
const isId = (column: PgColumn, id: string | undefined): SQL | undefined =>
  id === undefined ? undefined : isUuid(id) ? eq(column, id) : sql`false`;

function select(db: Database, where: SQL | undefined) {
  return db.select(clusterFields).from(clusters).innerJoin(projects, eq(projects.id, clusters.project)).where(where);
}

export const clusterStore = {
  async insert(db: Database, row: typeof clusters.$inferInsert): Promise<void> {
    await db.insert(clusters).values(row);
  },

  ...clusterStatements,

  /** The clusters of a project, with those that were deleted after a time. */
  listWithDeleted(db: Database, project: string, after: Date): Promise<ClusterRow[]> {
    return select(db, and(eq(clusters.project, project), or(alive, gt(clusters.deletedAt, after)))).orderBy(
      clusters.name,
    );
  },

  /** The clusters that an operator asks for, in any project. */
  find(db: Database, filter: ClusterFilter): Promise<ClusterRow[]> {
    const match = (column: PgColumn, value: string | undefined) =>
      value === undefined ? undefined : eq(column, value);
    return select(
      db,
      and(
        alive,
        isId(clusters.id, filter.id),
        isId(clusters.project, filter.project),
        match(projects.tenant, filter.tenant),
        match(clusters.partition, filter.partition),
        match(clusters.name, filter.name),
        match(clusters.purpose, filter.purpose),
        match(clusters.seed, filter.seed),
        filter.labels === undefined ? undefined : sql`${clusters.labels} @> ${JSON.stringify(filter.labels)}::jsonb`,
      ),
    ).orderBy(clusters.createdAt, clusters.id);
  },

  /** Those of the ids whose cluster is deleted. */
  async deletedAmong(db: Database, ids: readonly string[]): Promise<string[]> {
    if (ids.length === 0) return [];
    const rows = await db
      .select({ id: clusters.id })
      .from(clusters)
      .where(and(inArray(clusters.id, ids.filter(isUuid)), isNotNull(clusters.deletedAt)));
    return rows.map(({ id }) => id);
  },

  /** Clusters of a partition that are not deleted. */
  inPartition(db: Database, partition: string): Promise<ClusterRow[]> {
    return select(db, and(eq(clusters.partition, partition), alive));
  },

  /** Clusters of a partition whose backend has not yet done, or not yet heard, what is wanted. */
  async unsettled(db: Database, partition: string): Promise<string[]> {
    const unheard = lt(clusters.appliedGeneration, clusters.generation);
    const waiting = or(unheard, isNotNull(clusters.deleteRequestedAt), isNotNull(clusters.pendingOperation));
    const rows = await db
      .select({ id: clusters.id })
      .from(clusters)
      .where(and(eq(clusters.partition, partition), alive, waiting));
    return rows.map(({ id }) => id);
  },

  /** Writes what is wanted now; the cluster is pending until the backend has heard of it. */
  async want(tx: Database, id: string, wanted: WantedCluster, now: Date): Promise<void> {
    await tx
      .update(clusters)
      .set({
        ...wanted,
        updatedAt: now,
        generation: sql`${clusters.generation} + 1`,
        revision: nextRevision,
        statusType: typeOfWish,
        statusState: "Pending",
        statusProgress: 0,
      })
      .where(eq(clusters.id, id));
  },

  async requestDelete(tx: Database, id: string, now: Date): Promise<void> {
    await tx
      .update(clusters)
      .set({
        deleteRequestedAt: now,
        updatedAt: now,
        revision: nextRevision,
        pendingOperation: null,
        statusType: "Delete",
        statusState: "Pending",
        statusProgress: 0,
      })
      .where(eq(clusters.id, id));
  },

  /**
   * The backend was told that generation; what it says from `version` on knows
   * of it, and what it said before is left aside.
   */
  async markApplied(db: Database, id: string, generation: number, version: string): Promise<void> {
    await db
      .update(clusters)
      .set({
        appliedGeneration: generation,
        observedVersion: sql`greatest(${clusters.observedVersion}, ${BigInt(version)})`,
      })
      .where(and(eq(clusters.id, id), lt(clusters.appliedGeneration, generation)));
  },

  /** The backend refuses what is wanted; nothing more is heard until a later try, or other wishes. */
  async markRefused(db: Database, id: string, generation: number, error: ClusterLastError): Promise<void> {
    await db
      .update(clusters)
      .set({ statusState: "Error", lastErrors: [error], revision: nextRevision })
      .where(
        and(
          eq(clusters.id, id),
          alive,
          isNull(clusters.deleteRequestedAt),
          eq(clusters.generation, generation),
          sql`(${clusters.statusState} <> 'Error' or ${clusters.lastErrors} -> 0 ->> 'description' is distinct from ${error.description})`,
        ),
      );
  },

  /** The operation was passed on, or cannot be. */
  async clearOperation(db: Database, id: string, operation: ClusterOperation): Promise<void> {
    await db
      .update(clusters)
      .set({ pendingOperation: null, revision: nextRevision })
      .where(and(eq(clusters.id, id), eq(clusters.pendingOperation, operation)));
  },

  /**
   * Records what was seen of a cluster, unless something newer was recorded,
   * the backend has not yet heard what is wanted, or nothing changed. With
   * `live` an older version counts too: it was read just now, so the versions
   * of the backend have gone back, as after a restored backup.
   */
  async observe(db: Database, seen: ClusterObservation, live = false): Promise<boolean> {
    const version = BigInt(seen.version);
    const status = observedColumns(seen);
    const newer = or(isNull(clusters.observedVersion), lte(clusters.observedVersion, version));
    const heard = sql`${clusters.appliedGeneration} >= ${clusters.generation} and ${clusters.deleteRequestedAt} is null`;
    const rows = await db
      .update(clusters)
      .set({ ...status, observedVersion: version, revision: nextRevision })
      .where(
        and(
          eq(clusters.id, seen.id),
          alive,
          seen.type === "Delete" ? undefined : heard,
          live ? or(saysElse(status), gt(clusters.observedVersion, version)) : and(newer, saysElse(status)),
        ),
      )
      .returning({ id: clusters.id });
    return rows.length > 0;
  },

  /** The last word of a cluster whose deletion was asked for; false when it was not. */
  async markDeleted(db: Database, id: string, now: Date): Promise<boolean> {
    const rows = await db
      .update(clusters)
      .set({
        deletedAt: now,
        updatedAt: now,
        revision: nextRevision,
        statusType: "Delete",
        statusState: "Succeeded",
        statusProgress: 100,
        apiServerReady: "Unknown",
        controlPlaneReady: "Unknown",
        nodesReady: "Unknown",
        systemComponentsReady: "Unknown",
        conditions: [],
        lastErrors: [],
        monitoringSealed: null,
      })
      .where(and(eq(clusters.id, id), alive, sql`${clusters.deleteRequestedAt} is not null`))
      .returning({ id: clusters.id });
    return rows.length > 0;
  },

  /** A cluster that is wanted but vanished from its backend is created again. */
  async markLost(db: Database, id: string): Promise<boolean> {
    const rows = await db
      .update(clusters)
      .set({
        // A job that still runs may mark the old generation as applied: that no longer suffices.
        generation: sql`${clusters.generation} + 1`,
        observedVersion: null,
        monitoringSealed: null,
        revision: nextRevision,
        statusType: "Create",
        statusState: "Pending",
        statusProgress: 0,
      })
      // While the backend has not heard of the newest generation, a job makes the cluster again anyway.
      .where(
        and(
          eq(clusters.id, id),
          alive,
          isNull(clusters.deleteRequestedAt),
          gte(clusters.appliedGeneration, clusters.generation),
        ),
      )
      .returning({ id: clusters.id });
    return rows.length > 0;
  },

  async setMonitoring(db: Database, id: string, sealed: string): Promise<void> {
    await db
      .update(clusters)
      .set({ monitoringSealed: sealed })
      .where(and(eq(clusters.id, id), alive));
  },
};
