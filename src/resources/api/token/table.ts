import { sql } from "drizzle-orm";
import { check, index, jsonb, pgTable, text, timestamp, uuid } from "drizzle-orm/pg-core";
import { sessions } from "../../iam/auth/table.js";
import { principals } from "../../iam/principal/table.js";

/** Subject ("*" means every subject that the owner has) to methods. */
export type StoredPermissions = Record<string, string[]>;
/** Subject ("*" means every subject that the owner has) to role name. */
export type StoredRoles<Role extends string> = Record<string, Role>;

/** Tokens as they were granted; the secret itself is never stored. */
export const tokens = pgTable(
  "tokens",
  {
    id: uuid().primaryKey(),
    owner: text()
      .notNull()
      .references(() => principals.id, { onDelete: "cascade" }),
    type: text({ enum: ["api", "console"] }).notNull(),
    description: text().notNull(),
    permissions: jsonb().$type<StoredPermissions>().notNull(),
    projectRoles: jsonb().$type<StoredRoles<"owner" | "editor" | "viewer">>().notNull(),
    tenantRoles: jsonb().$type<StoredRoles<"owner" | "editor" | "viewer" | "guest">>().notNull(),
    adminRole: text({ enum: ["editor", "viewer"] }),
    issuedAt: timestamp({ withTimezone: true }).notNull(),
    expiresAt: timestamp({ withTimezone: true }).notNull(),
    revokedAt: timestamp({ withTimezone: true }),
    /** The session of a sign-in that the token belongs to; its end revokes the token. */
    session: uuid().references(() => sessions.id, { onDelete: "cascade" }),
  },
  (t) => [
    index("tokens_owner").on(t.owner),
    index("tokens_session").on(t.session),
    check("tokens_type", sql`${t.type} in ('api', 'console')`),
    check("tokens_admin_role", sql`${t.adminRole} in ('editor', 'viewer')`),
    check("tokens_console_is_never_admin", sql`${t.type} <> 'console' or ${t.adminRole} is null`),
  ],
);
