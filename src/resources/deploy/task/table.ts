import { sql } from "drizzle-orm";
import {
  type AnyPgColumn,
  bigint,
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";
import { deployments } from "../deployment/table.js";
import type { Scale } from "../spec/content.js";

/** A step of a task; times are ISO 8601. */
export interface StepRecord {
  readonly name: string;
  readonly state: "waiting" | "running" | "succeeded" | "failed" | "skipped";
  readonly message: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  /** How often in a row what it needs was away, and how often it failed for a reason that nobody expected. */
  readonly away?: number;
  readonly defects?: number;
}

/** What a task was asked to do, besides its release; nothing in it is secret. */
export interface TaskParams {
  /** The scale of these processes that will be; with a release, of those that are new. */
  readonly scale?: Scale;
  /** Names of processes; all when it is left out. */
  readonly processes?: readonly string[];
  /** Uuids of the routes that it makes or removes. */
  readonly routes?: readonly string[];
  /** Where it is moved. */
  readonly placement?: { readonly target: string; readonly namespace: string };
  readonly stopMode?: "scale_to_zero" | "uninstall";
  readonly keepStorage?: boolean;
  readonly force?: boolean;
  readonly object?: { readonly group: string; readonly kind: string; readonly name: string };
  readonly job?: { readonly process: string; readonly args: readonly string[] };
}

/** The asynchronous work of changes to deployments. */
export const deploymentTasks = pgTable(
  "deployment_tasks",
  {
    id: uuid().primaryKey(),
    project: uuid().notNull(),
    deployment: uuid().notNull(),
    kind: text({
      enum: ["create", "release", "scale", "start", "stop", "restart", "move", "delete", "route", "action"],
    }).notNull(),
    state: text({
      enum: ["queued", "scheduled", "running", "canceling", "succeeded", "failed", "canceled", "expired"],
    }).notNull(),
    /** Number of the release that it makes run. */
    release: integer(),
    params: jsonb().$type<TaskParams>().notNull().default({}),
    actor: text().notNull(),
    reason: text().notNull().default(""),
    message: text().notNull().default(""),
    idempotencyKey: text().notNull().default(""),
    /** Digest of the request that came with the key. */
    requestHash: text().notNull().default(""),
    retryOf: uuid().references((): AnyPgColumn => deploymentTasks.id, { onDelete: "set null" }),
    executeAt: timestamp({ withTimezone: true }).notNull(),
    /** Units that the deployment has when it is done; null when they stay. */
    unitsAfter: integer(),
    steps: jsonb().$type<readonly StepRecord[]>().notNull().default([]),
    /** Who works on it: a token of one attempt. What writes without it writes nothing. */
    leaseOwner: uuid(),
    leaseUntil: timestamp({ withTimezone: true }),
    /** When it is given up, whatever it waits for; set when it begins. */
    deadlineAt: timestamp({ withTimezone: true }),
    createdAt: timestamp({ withTimezone: true }).notNull(),
    startedAt: timestamp({ withTimezone: true }),
    finishedAt: timestamp({ withTimezone: true }),
    /** Rises with every write of the row; set by a trigger. */
    revision: bigint({ mode: "number" }).notNull().default(1),
    /** The transaction that wrote the row last; set by a trigger. */
    changedXid: bigint({ mode: "number" }).notNull().default(0),
  },
  (t) => [
    foreignKey({
      name: "deployment_tasks_deployment",
      columns: [t.project, t.deployment],
      foreignColumns: [deployments.project, deployments.id],
    }).onDelete("cascade"),
    // One at a time.
    uniqueIndex("deployment_tasks_running").on(t.deployment).where(sql`${t.state} in ('running', 'canceling')`),
    uniqueIndex("deployment_tasks_idempotency").on(t.project, t.idempotencyKey).where(sql`${t.idempotencyKey} <> ''`),
    index("deployment_tasks_of_project").on(t.project, t.id),
    index("deployment_tasks_of_deployment").on(t.deployment, t.id),
    index("deployment_tasks_changed").on(t.project, t.changedXid),
    index("deployment_tasks_open")
      .on(t.deployment)
      .where(sql`${t.state} in ('queued', 'scheduled', 'running', 'canceling')`),
    check(
      "deployment_tasks_kind",
      sql`${t.kind} in ('create', 'release', 'scale', 'start', 'stop', 'restart', 'move', 'delete', 'route', 'action')`,
    ),
    check(
      "deployment_tasks_state",
      sql`${t.state} in ('queued', 'scheduled', 'running', 'canceling', 'succeeded', 'failed', 'canceled', 'expired')`,
    ),
    check("deployment_tasks_lease", sql`(${t.state} in ('running', 'canceling')) = (${t.leaseUntil} is not null)`),
    check(
      "deployment_tasks_ended",
      sql`(${t.state} in ('succeeded', 'failed', 'canceled', 'expired')) = (${t.finishedAt} is not null)`,
    ),
  ],
);

/** Lines of the logs of tasks. */
export const taskLogLines = pgTable(
  "task_log_lines",
  {
    task: uuid()
      .notNull()
      .references(() => deploymentTasks.id, { onDelete: "cascade" }),
    /** Counted from 1 in the task. */
    number: bigint({ mode: "number" }).notNull(),
    at: timestamp({ withTimezone: true }).notNull(),
    step: text().notNull(),
    text: text().notNull(),
  },
  (t) => [primaryKey({ columns: [t.task, t.number] })],
);
