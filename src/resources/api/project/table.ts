import { sql } from "drizzle-orm";
import {
  boolean,
  check,
  index,
  pgTable,
  primaryKey,
  text,
  timestamp,
  unique,
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";
import { tenants } from "../tenant/table.js";
import { users } from "../user/table.js";

/** Projects: what clusters, volumes and addresses belong to. */
export const projects = pgTable(
  "projects",
  {
    id: uuid().primaryKey(),
    tenant: text()
      .notNull()
      .references(() => tenants.login),
    name: text().notNull(),
    description: text().notNull().default(""),
    avatarUrl: text(),
    isDefault: boolean().notNull().default(false),
    createdAt: timestamp({ withTimezone: true }).notNull(),
    updatedAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [
    unique("projects_name").on(t.tenant, t.name),
    uniqueIndex("projects_default").on(t.tenant).where(sql`${t.isDefault}`),
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
      .references(() => users.login, { onDelete: "cascade" }),
    role: text({ enum: ["owner", "editor", "viewer"] }).notNull(),
    createdAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.project, t.member] }),
    index("project_members_member").on(t.member),
    check("project_members_role", sql`${t.role} in ('owner', 'editor', 'viewer')`),
  ],
);
