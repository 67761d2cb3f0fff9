import { sql } from "drizzle-orm";
import {
  boolean,
  check,
  index,
  integer,
  pgTable,
  primaryKey,
  text,
  timestamp,
  unique,
  uniqueIndex,
} from "drizzle-orm/pg-core";
import { tenants } from "../../api/tenant/table.js";

/** Everybody who can hold a role: users, bots and teams of tenants, groups of identity providers. */
export const principals = pgTable(
  "principals",
  {
    /** Of a user, also the login of the personal tenant; a uuid for bots and teams; "group:NAME@PROVIDER". */
    id: text().primaryKey(),
    kind: text({ enum: ["user", "bot", "team", "group"] }).notNull(),
    /** The tenant that a bot or team belongs to. */
    tenant: text().references(() => tenants.login, { onDelete: "cascade" }),
    name: text().notNull(),
    /** Of a user; an identity provider has verified it, or an operator gave it. */
    email: text().notNull().default(""),
    description: text().notNull().default(""),
    avatarUrl: text().notNull().default(""),
    /** Number of api.v1.OAuthProvider through which the user came; 0 when none. */
    oauthProvider: integer().notNull().default(0),
    enabled: boolean().notNull().default(true),
    /** What an operator may do: "editor" or "viewer"; empty for everybody else. */
    adminRole: text({ enum: ["editor", "viewer"] }),
    tags: text().array().notNull().default([]),
    createdBy: text().notNull().default(""),
    createdAt: timestamp({ withTimezone: true }).notNull(),
    updatedAt: timestamp({ withTimezone: true }).notNull(),
    signedInAt: timestamp({ withTimezone: true }),
  },
  (t) => [
    unique("principals_name").on(t.tenant, t.kind, t.name),
    index("principals_email").on(sql`lower(${t.email})`).where(sql`${t.email} <> ''`),
    check("principals_kind", sql`${t.kind} in ('user', 'bot', 'team', 'group')`),
    check("principals_tenant", sql`(${t.tenant} is not null) = (${t.kind} in ('bot', 'team'))`),
    check("principals_admin_role", sql`${t.adminRole} in ('editor', 'viewer')`),
    check("principals_admin_is_user", sql`${t.adminRole} is null or ${t.kind} = 'user'`),
    check("principals_group_id", sql`(${t.kind} = 'group') = (${t.id} like 'group:%')`),
  ],
);

/** Who belongs to a team, or to a group as of the last sign-in. Teams do not belong to teams. */
export const teamMembers = pgTable(
  "team_members",
  {
    team: text()
      .notNull()
      .references(() => principals.id, { onDelete: "cascade" }),
    member: text()
      .notNull()
      .references(() => principals.id, { onDelete: "cascade" }),
    createdAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [primaryKey({ columns: [t.team, t.member] }), index("team_members_member").on(t.member)],
);

/** Which user an account of an identity provider is. */
export const identities = pgTable(
  "identities",
  {
    /** Id of the provider in the configuration. */
    provider: text().notNull(),
    /** What the provider calls the account: never given to another. */
    subject: text().notNull(),
    principal: text()
      .notNull()
      .references(() => principals.id, { onDelete: "cascade" }),
    createdAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [primaryKey({ columns: [t.provider, t.subject] }), index("identities_principal").on(t.principal)],
);

/** Passwords of users, as argon2id digests, and how often they were guessed wrong. */
export const passwords = pgTable("passwords", {
  principal: text()
    .primaryKey()
    .references(() => principals.id, { onDelete: "cascade" }),
  /** Empty until the first password is set. */
  digest: text(),
  changedAt: timestamp({ withTimezone: true }),
  /** Wrong guesses since the last right one. */
  failures: integer().notNull().default(0),
  /** No guess is looked at before. */
  lockedUntil: timestamp({ withTimezone: true }),
});

/** Codes by which users may set a password once; only their digests. */
export const passwordResets = pgTable(
  "password_resets",
  {
    digest: text().primaryKey(),
    principal: text()
      .notNull()
      .references(() => principals.id, { onDelete: "cascade" }),
    createdBy: text().notNull(),
    expiresAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [uniqueIndex("password_resets_principal").on(t.principal)],
);
