import { sql } from "drizzle-orm";
import { check, index, pgTable, primaryKey, text, timestamp, uuid } from "drizzle-orm/pg-core";
import { principals } from "../../iam/principal/table.js";
import { projects } from "../project/table.js";
import { tenants } from "../tenant/table.js";

/** Who belongs to a tenant, and with which role. */
export const tenantMembers = pgTable(
  "tenant_members",
  {
    tenant: text()
      .notNull()
      .references(() => tenants.login, { onDelete: "cascade" }),
    member: text()
      .notNull()
      .references(() => principals.id, { onDelete: "cascade" }),
    role: text({ enum: ["owner", "editor", "viewer", "guest"] }).notNull(),
    createdAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.tenant, t.member] }),
    index("tenant_members_member").on(t.member),
    check("tenant_members_role", sql`${t.role} in ('owner', 'editor', 'viewer', 'guest')`),
  ],
);

/** Direct members of a project; members of its tenant inherit their role. */
export const projectMembers = pgTable(
  "project_members",
  {
    project: uuid()
      .notNull()
      .references(() => projects.id, { onDelete: "cascade" }),
    member: text()
      .notNull()
      .references(() => principals.id, { onDelete: "cascade" }),
    role: text({ enum: ["owner", "editor", "viewer"] }).notNull(),
    createdAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.project, t.member] }),
    index("project_members_member").on(t.member),
    check("project_members_role", sql`${t.role} in ('owner', 'editor', 'viewer')`),
  ],
);
