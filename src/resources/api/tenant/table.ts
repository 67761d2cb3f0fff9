import { sql } from "drizzle-orm";
import { boolean, check, index, integer, pgTable, primaryKey, text, timestamp } from "drizzle-orm/pg-core";
import { users } from "../user/table.js";

/** Tenants: the personal one of each user (login = the user's) and organisations. */
export const tenants = pgTable("tenants", {
  login: text().primaryKey(),
  name: text().notNull(),
  email: text().notNull().default(""),
  description: text().notNull().default(""),
  avatarUrl: text().notNull().default(""),
  /** Number of api.v1.OAuthProvider through which the tenant came; 0 when none. */
  oauthProvider: integer().notNull().default(0),
  phoneNumber: text().notNull().default(""),
  admitted: boolean().notNull().default(false),
  emailConsent: boolean().notNull().default(false),
  onboarded: boolean().notNull().default(false),
  termsAcceptedAt: timestamp({ withTimezone: true }),
  createdBy: text().notNull(),
  createdAt: timestamp({ withTimezone: true }).notNull(),
  updatedAt: timestamp({ withTimezone: true }).notNull(),
});

/** Who belongs to a tenant, and with which role. */
export const tenantMembers = pgTable(
  "tenant_members",
  {
    tenant: text()
      .notNull()
      .references(() => tenants.login, { onDelete: "cascade" }),
    member: text()
      .notNull()
      .references(() => users.login, { onDelete: "cascade" }),
    role: text({ enum: ["owner", "editor", "viewer", "guest"] }).notNull(),
    createdAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.tenant, t.member] }),
    index("tenant_members_member").on(t.member),
    check("tenant_members_role", sql`${t.role} in ('owner', 'editor', 'viewer', 'guest')`),
  ],
);
