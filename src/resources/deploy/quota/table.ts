import { sql } from "drizzle-orm";
import { bigint, check, foreignKey, pgTable, text, timestamp, uniqueIndex, uuid } from "drizzle-orm/pg-core";
import { projects } from "../../api/project/table.js";
import { tenants } from "../../api/tenant/table.js";
import { deployments } from "../deployment/table.js";
import { environments } from "../environment/table.js";

/** Limits of tenants, projects, environments and deployments; null means none. What is in use is counted, not kept. */
export const quotas = pgTable(
  "quotas",
  {
    id: uuid().primaryKey(),
    /** Of a tenant: then the rest is null. */
    tenant: text().references(() => tenants.login, { onDelete: "cascade" }),
    project: uuid().references(() => projects.id, { onDelete: "cascade" }),
    /** Of an environment or a deployment of the project. */
    environment: uuid(),
    deployment: uuid(),
    deploymentsLimit: bigint({ mode: "number" }),
    unitsLimit: bigint({ mode: "number" }),
    updatedAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [
    foreignKey({
      name: "quotas_environment",
      columns: [t.project, t.environment],
      foreignColumns: [environments.project, environments.id],
    }).onDelete("cascade"),
    foreignKey({
      name: "quotas_deployment",
      columns: [t.project, t.deployment],
      foreignColumns: [deployments.project, deployments.id],
    }).onDelete("cascade"),
    uniqueIndex("quotas_scope").on(
      sql`coalesce(${t.tenant}, '')`,
      sql`coalesce(${t.deployment}, ${t.environment}, ${t.project}, '00000000-0000-0000-0000-000000000000')`,
    ),
    check("quotas_one", sql`(${t.tenant} is null) <> (${t.project} is null)`),
    check(
      "quotas_part",
      sql`(${t.environment} is null or ${t.deployment} is null) and (${t.tenant} is null or (${t.environment} is null and ${t.deployment} is null))`,
    ),
    check("quotas_limits", sql`${t.deploymentsLimit} >= 0 and ${t.unitsLimit} >= 0`),
  ],
);
