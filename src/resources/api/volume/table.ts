import { sql } from "drizzle-orm";
import { bigint, check, index, integer, jsonb, pgTable, text, timestamp, uuid } from "drizzle-orm/pg-core";
import { clusters } from "../cluster/table.js";
import { projects } from "../project/table.js";
import type { SnapshotFigures, VolumeFigures } from "./storage.js";

/** Volumes as the clusters report them. One that is gone keeps its row, as history. */
export const volumes = pgTable(
  "volumes",
  {
    /** The CSI volume handle where it is a uuid, else the uid of the PersistentVolume. */
    id: uuid().primaryKey(),
    project: uuid()
      .notNull()
      .references(() => projects.id),
    cluster: uuid()
      .notNull()
      .references(() => clusters.id, { onDelete: "cascade" }),
    partition: text().notNull(),
    /** Name of the PersistentVolume in its cluster. */
    persistentVolume: text().notNull(),
    /** Name of the claim, or of the PersistentVolume as long as nobody has claimed it. */
    name: text().notNull(),
    claimNamespace: text(),
    claimName: text(),
    storageClass: text().notNull(),
    /** Bytes. */
    size: bigint({ mode: "bigint" }).notNull(),
    /** Phase of the PersistentVolume: Pending, Available, Bound, Released or Failed. */
    state: text().notNull(),
    volumeHandle: text().notNull(),
    /** As VolumeAttachments say: "csi:host:<node>.node". */
    attachedTo: text().array().notNull().default([]),
    nodeIps: text().array().notNull().default([]),
    sourceSnapshot: uuid(),
    sourceSnapshotName: text(),
    labels: jsonb().$type<Readonly<Record<string, string>>>().notNull().default({}),
    replicaCount: integer().notNull().default(1),
    /** How full it is, as was last reported, and when that was. */
    statistics: jsonb().$type<VolumeFigures>(),
    statisticsAt: timestamp({ withTimezone: true }),
    createdAt: timestamp({ withTimezone: true }).notNull(),
    updatedAt: timestamp({ withTimezone: true }).notNull(),
    deletedAt: timestamp({ withTimezone: true }),
  },
  (t) => [
    index("volumes_project").on(t.project, t.id).where(sql`${t.deletedAt} is null`),
    index("volumes_cluster").on(t.cluster, t.persistentVolume).where(sql`${t.deletedAt} is null`),
    index("volumes_source_snapshot").on(t.sourceSnapshot).where(sql`${t.deletedAt} is null`),
    check("volumes_size", sql`${t.size} >= 0`),
  ],
);

/** Snapshots as the clusters report them; likewise. */
export const snapshots = pgTable(
  "snapshots",
  {
    /** The snapshot handle where it is a uuid, else the uid of the VolumeSnapshotContent. */
    id: uuid().primaryKey(),
    project: uuid()
      .notNull()
      .references(() => projects.id),
    cluster: uuid()
      .notNull()
      .references(() => clusters.id, { onDelete: "cascade" }),
    partition: text().notNull(),
    /** Name of the VolumeSnapshotContent in its cluster. */
    content: text().notNull(),
    namespace: text().notNull(),
    name: text().notNull(),
    description: text().notNull().default(""),
    storageClass: text().notNull(),
    /** Bytes that a restore needs. */
    size: bigint({ mode: "bigint" }).notNull(),
    /** Ready, Pending or Failed. */
    state: text().notNull(),
    sourceVolume: uuid(),
    sourceVolumeName: text(),
    replicaCount: integer().notNull().default(1),
    retentionSeconds: integer(),
    statistics: jsonb().$type<SnapshotFigures>(),
    statisticsAt: timestamp({ withTimezone: true }),
    createdAt: timestamp({ withTimezone: true }).notNull(),
    updatedAt: timestamp({ withTimezone: true }).notNull(),
    deletedAt: timestamp({ withTimezone: true }),
  },
  (t) => [
    index("snapshots_project").on(t.project, t.id).where(sql`${t.deletedAt} is null`),
    index("snapshots_cluster").on(t.cluster, t.content).where(sql`${t.deletedAt} is null`),
    check("snapshots_size", sql`${t.size} >= 0`),
  ],
);
