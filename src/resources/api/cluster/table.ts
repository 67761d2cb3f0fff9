import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  check,
  index,
  integer,
  jsonb,
  pgTable,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";
import { projects } from "../project/table.js";
import type { ClusterCondition, ClusterLastError, WorkerSpec } from "./kube.js";

/** What a caller decides about a cluster. */
export interface WantedCluster {
  readonly partition: string;
  readonly kubernetesVersion: string;
  readonly workers: readonly WorkerSpec[];
  readonly kubernetesAutoupdate: boolean;
  readonly machineimageAutoupdate: boolean;
  readonly maintenanceBegin: Date;
  readonly maintenanceSeconds: number;
}

/**
 * Clusters: what is wanted, and what was last seen of it. A deleted cluster
 * keeps its row, as the last word for its watchers and as history.
 */
export const clusters = pgTable(
  "clusters",
  {
    id: uuid().primaryKey(),
    project: uuid()
      .notNull()
      .references(() => projects.id),
    name: text().notNull(),
    partition: text().notNull(),
    kubernetesVersion: text().notNull(),
    workers: jsonb().$type<readonly WorkerSpec[]>().notNull(),
    kubernetesAutoupdate: boolean().notNull(),
    machineimageAutoupdate: boolean().notNull(),
    maintenanceBegin: timestamp({ withTimezone: true }).notNull(),
    maintenanceSeconds: integer().notNull(),
    purpose: text(),
    createdAt: timestamp({ withTimezone: true }).notNull(),
    updatedAt: timestamp({ withTimezone: true }).notNull(),
    deleteRequestedAt: timestamp({ withTimezone: true }),
    deletedAt: timestamp({ withTimezone: true }),

    /** Rises with every change of the row: the version that watchers compare. */
    revision: bigint({ mode: "number" }).notNull().default(1),
    /** Rises with every change of what is wanted. */
    generation: bigint({ mode: "number" }).notNull().default(1),
    /** The generation that the backend was last told; below `generation` while a change is on its way. */
    appliedGeneration: bigint({ mode: "number" }).notNull().default(0),
    /** An operation that was asked for and not yet passed on. */
    pendingOperation: text({ enum: ["reconcile", "maintain", "retry"] }),

    statusType: text({ enum: ["Create", "Reconcile", "Delete"] }).notNull(),
    statusState: text({ enum: ["Pending", "Processing", "Succeeded", "Error", "Failed", "Aborted"] }).notNull(),
    statusProgress: integer().notNull(),
    /** Status of each part: True, False, Progressing or Unknown. */
    apiServerReady: text().notNull().default("Unknown"),
    controlPlaneReady: text().notNull().default("Unknown"),
    nodesReady: text().notNull().default("Unknown"),
    systemComponentsReady: text().notNull().default("Unknown"),
    conditions: jsonb().$type<readonly ClusterCondition[]>().notNull().default([]),
    lastErrors: jsonb().$type<readonly ClusterLastError[]>().notNull().default([]),
    /** resourceVersion of the object that the status was read from. */
    observedVersion: bigint({ mode: "bigint" }),
    /** The seed that runs the control plane, where the backend has such. */
    seed: text(),
    /** Labels of the object in the backend. */
    labels: jsonb().$type<Readonly<Record<string, string>>>().notNull().default({}),
    /** Access to the cluster's dashboards: JSON, sealed with the keyring. */
    monitoringSealed: text(),
  },
  (t) => [
    uniqueIndex("clusters_name").on(t.project, t.name).where(sql`${t.deletedAt} is null`),
    index("clusters_project").on(t.project, t.deletedAt),
    index("clusters_partition").on(t.partition).where(sql`${t.deletedAt} is null`),
    check("clusters_progress", sql`${t.statusProgress} between 0 and 100`),
    check("clusters_maintenance", sql`${t.maintenanceSeconds} >= 3600 and ${t.maintenanceSeconds} < 14400`),
    check("clusters_pending_operation", sql`${t.pendingOperation} in ('reconcile', 'maintain', 'retry')`),
    check("clusters_status_type", sql`${t.statusType} in ('Create', 'Reconcile', 'Delete')`),
    check(
      "clusters_status_state",
      sql`${t.statusState} in ('Pending', 'Processing', 'Succeeded', 'Error', 'Failed', 'Aborted')`,
    ),
  ],
);
