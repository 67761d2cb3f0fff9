import { type SQL, sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  text,
  timestamp,
  unique,
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";
import { projects } from "../../api/project/table.js";
import { environments } from "../environment/table.js";
import { targetNamespaces } from "../namespace/table.js";
import type { InventoryEntry, Scale } from "../spec/content.js";
import { targets } from "../target/table.js";

/** What was seen of a process on the target. */
export interface ObservedProcess {
  readonly current: number;
  readonly ready: number;
  readonly message: string;
}

/** Deployments: what is wanted, and what is seen of it. Deleted ones stay for a while, so that watchers hear of it. */
export const deployments = pgTable(
  "deployments",
  {
    id: uuid().primaryKey(),
    project: uuid()
      .notNull()
      .references(() => projects.id),
    environment: uuid().notNull(),
    target: uuid().notNull(),
    namespace: uuid().notNull(),
    name: text().notNull(),
    description: text().notNull().default(""),
    /** What its objects are called on the target; it never changes. */
    objectName: text().notNull(),
    kind: text().notNull(),
    labels: jsonb().$type<Readonly<Record<string, string>>>().notNull().default({}),
    scale: jsonb().$type<Scale>().notNull().default({}),
    /** Replicas that the scale may come to; Quotas count them. */
    units: integer()
      .notNull()
      .generatedAlwaysAs((): SQL => sql`units_of(scale)`),
    autoRollback: boolean().notNull().default(false),
    /** How long a release may take to become healthy. */
    rolloutSeconds: integer().notNull().default(600),
    /** Number of the active release; 0 before there is one. */
    activeRelease: integer().notNull().default(0),
    /** The last number that a release got. */
    lastRelease: integer().notNull().default(0),
    /** Everything that may be on a target for it. */
    inventory: jsonb().$type<readonly InventoryEntry[]>().notNull().default([]),
    stopped: text({ enum: ["", "scaled", "uninstalled"] })
      .notNull()
      .default(""),
    phase: text({ enum: ["idle", "working", "failed", "stopped", "deleting", "deleted"] })
      .notNull()
      .default("working"),
    phaseMessage: text().notNull().default(""),
    health: text({ enum: ["unknown", "healthy", "progressing", "degraded", "unhealthy", "stopped"] })
      .notNull()
      .default("unknown"),
    healthMessage: text().notNull().default(""),
    reported: text().notNull().default(""),
    observed: jsonb().$type<Readonly<Record<string, ObservedProcess>>>().notNull().default({}),
    /** Rises with every change that a caller makes. */
    version: bigint({ mode: "number" }).notNull().default(1),
    /** Rises with every write of the row; set by a trigger. */
    revision: bigint({ mode: "number" }).notNull().default(1),
    /** The transaction that wrote the row last; set by a trigger. */
    changedXid: bigint({ mode: "number" }).notNull().default(0),
    createdAt: timestamp({ withTimezone: true }).notNull(),
    updatedAt: timestamp({ withTimezone: true }).notNull(),
    deletedAt: timestamp({ withTimezone: true }),
    // What a deployment refers to while it is not deleted: the constraints below hold for those alone.
    liveEnvironment: uuid().generatedAlwaysAs((): SQL => sql`case when deleted_at is null then environment end`),
    liveTarget: uuid().generatedAlwaysAs((): SQL => sql`case when deleted_at is null then target end`),
    liveNamespace: uuid().generatedAlwaysAs((): SQL => sql`case when deleted_at is null then namespace end`),
  },
  (t) => [
    foreignKey({
      name: "deployments_environment",
      columns: [t.project, t.liveEnvironment],
      foreignColumns: [environments.project, environments.id],
    }),
    foreignKey({
      name: "deployments_target",
      columns: [t.project, t.liveTarget],
      foreignColumns: [targets.project, targets.id],
    }),
    foreignKey({
      name: "deployments_namespace",
      columns: [t.project, t.liveNamespace],
      foreignColumns: [targetNamespaces.project, targetNamespaces.id],
    }),
    unique("deployments_project").on(t.project, t.id),
    uniqueIndex("deployments_name").on(t.environment, t.name).where(sql`${t.deletedAt} is null`),
    uniqueIndex("deployments_object_name").on(t.project, t.objectName).where(sql`${t.deletedAt} is null`),
    index("deployments_of_target").on(t.liveTarget),
    index("deployments_of_namespace").on(t.liveNamespace),
    index("deployments_changed").on(t.project, t.changedXid),
    check("deployments_stopped", sql`${t.stopped} in ('', 'scaled', 'uninstalled')`),
    check(
      "deployments_phase",
      sql`${t.phase} in ('idle', 'working', 'failed', 'stopped', 'deleting', 'deleted') and (${t.phase} = 'deleted') = (${t.deletedAt} is not null)`,
    ),
    check(
      "deployments_health",
      sql`${t.health} in ('unknown', 'healthy', 'progressing', 'degraded', 'unhealthy', 'stopped')`,
    ),
    check("deployments_releases", sql`${t.activeRelease} between 0 and ${t.lastRelease}`),
  ],
);
