import { sql } from "drizzle-orm";
import {
  boolean,
  check,
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
import { deployments } from "../deployment/table.js";
import type { ReleaseContent } from "../spec/content.js";

/** Releases of deployments. What they hold is written once, when their task begins, and never changes (a trigger sees to it). */
export const releases = pgTable(
  "releases",
  {
    id: uuid().primaryKey(),
    deployment: uuid()
      .notNull()
      .references(() => deployments.id, { onDelete: "cascade" }),
    number: integer().notNull(),
    cause: text({
      enum: ["created", "updated", "config", "build", "rollback", "dependency", "restore", "move"],
    }).notNull(),
    /** Number of the release that was gone back to. */
    rollbackOf: integer(),
    status: text({ enum: ["pending", "active", "superseded", "failed"] })
      .notNull()
      .default("pending"),
    message: text().notNull().default(""),
    summary: text().notNull().default(""),
    /** JSON of a ReleaseChange, sealed with the keyring: what it changes of the one that is active when it runs. */
    changeSealed: text().notNull(),
    /** Null until its task begins; then the whole but the configuration. */
    content: jsonb().$type<ReleaseContent>(),
    /** JSON of a ConfigContent, sealed with the keyring; null until its task begins. */
    configSealed: text(),
    /** Uuids of the secrets that it uses, those whose newer versions it follows, and the volume claims that it mounts. */
    usesSecrets: uuid().array().notNull().default(sql`'{}'`),
    followsSecrets: uuid().array().notNull().default(sql`'{}'`),
    usesVolumeClaims: uuid().array().notNull().default(sql`'{}'`),
    rollbackDisabled: boolean().notNull().default(false),
    rollbackDisabledReason: text().notNull().default(""),
    createdBy: text().notNull(),
    createdAt: timestamp({ withTimezone: true }).notNull(),
    activatedAt: timestamp({ withTimezone: true }),
  },
  (t) => [
    unique("releases_number").on(t.deployment, t.number),
    uniqueIndex("releases_active").on(t.deployment).where(sql`${t.status} = 'active'`),
    index("releases_secrets").using("gin", t.usesSecrets),
    index("releases_volume_claims").using("gin", t.usesVolumeClaims),
    check("releases_positive", sql`${t.number} >= 1`),
    check(
      "releases_cause",
      sql`${t.cause} in ('created', 'updated', 'config', 'build', 'rollback', 'dependency', 'restore', 'move')`,
    ),
    check("releases_status", sql`${t.status} in ('pending', 'active', 'superseded', 'failed')`),
    check("releases_content", sql`(${t.content} is null) = (${t.configSealed} is null)`),
    check(
      "releases_ran",
      sql`${t.status} in ('pending', 'failed') or (${t.content} is not null and ${t.activatedAt} is not null)`,
    ),
  ],
);
