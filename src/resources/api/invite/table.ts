import { sql } from "drizzle-orm";
import { check, index, pgTable, text, timestamp, uuid } from "drizzle-orm/pg-core";
import { projects } from "../project/table.js";
import { tenants } from "../tenant/table.js";

/** Invitations into a tenant or a project: whoever brings the secret first joins. */
export const invites = pgTable(
  "invites",
  {
    /** SHA-256 of the secret, by which it is found. */
    digest: text().primaryKey(),
    /** The secret, sealed by the keyring: owners see it in their lists. */
    sealed: text().notNull(),
    tenant: text().references(() => tenants.login, { onDelete: "cascade" }),
    project: uuid().references(() => projects.id, { onDelete: "cascade" }),
    role: text({ enum: ["owner", "editor", "viewer", "guest"] }).notNull(),
    createdBy: text().notNull(),
    createdAt: timestamp({ withTimezone: true }).notNull(),
    expiresAt: timestamp({ withTimezone: true }).notNull(),
    joinedAt: timestamp({ withTimezone: true }),
    joinedBy: text(),
  },
  (t) => [
    index("invites_tenant").on(t.tenant),
    index("invites_project").on(t.project),
    check("invites_target", sql`(${t.tenant} is null) <> (${t.project} is null)`),
    check("invites_role", sql`${t.role} in ('owner', 'editor', 'viewer', 'guest')`),
    check("invites_project_role", sql`${t.project} is null or ${t.role} <> 'guest'`),
    check("invites_joined", sql`(${t.joinedAt} is null) = (${t.joinedBy} is null)`),
  ],
);
