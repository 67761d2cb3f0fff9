import { sql } from "drizzle-orm";
import { check, index, integer, pgTable, text, timestamp, uuid } from "drizzle-orm/pg-core";
import { principals } from "../principal/table.js";

/** Sign-ins that have begun at an identity provider, until they come back or expire. */
export const loginAttempts = pgTable(
  "login_attempts",
  {
    /** SHA-256 of the `state` that the provider gives back. */
    digest: text().primaryKey(),
    provider: text().notNull(),
    /** What the provider's answer is checked against (nonce, PKCE verifier), sealed by the keyring. */
    sealed: text().notNull(),
    redirectUrl: text().notNull(),
    /** Whether the browser goes back with a token, or with a code for ExchangeToken. */
    answer: text({ enum: ["token", "code"] }).notNull(),
    /** The client's own `state` and PKCE challenge; only for a code. */
    clientState: text().notNull().default(""),
    codeChallenge: text(),
    expiresAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [
    index("login_attempts_expires").on(t.expiresAt),
    check("login_attempts_answer", sql`${t.answer} in ('token', 'code')`),
    check("login_attempts_challenge", sql`(${t.codeChallenge} is not null) = (${t.answer} = 'code')`),
  ],
);

/** Sign-ins of users: each is renewed by one refresh token at a time, or by the cookie of a browser. */
export const sessions = pgTable(
  "sessions",
  {
    id: uuid().primaryKey(),
    principal: text()
      .notNull()
      .references(() => principals.id, { onDelete: "cascade" }),
    /** SHA-256 of the refresh token that holds now, or of the browser's cookie; none until the code was traded. */
    refreshDigest: text(),
    /** How often the session was renewed. */
    refreshes: integer().notNull().default(0),
    createdAt: timestamp({ withTimezone: true }).notNull(),
    expiresAt: timestamp({ withTimezone: true }).notNull(),
    endedAt: timestamp({ withTimezone: true }),
  },
  (t) => [index("sessions_principal").on(t.principal), index("sessions_expires").on(t.expiresAt)],
);

/** Codes that came back from a sign-in, each good for one exchange. */
export const loginCodes = pgTable(
  "login_codes",
  {
    digest: text().primaryKey(),
    /** The session that the code opens; a code that comes again ends it. */
    session: uuid()
      .notNull()
      .references(() => sessions.id, { onDelete: "cascade" }),
    codeChallenge: text().notNull(),
    expiresAt: timestamp({ withTimezone: true }).notNull(),
    usedAt: timestamp({ withTimezone: true }),
  },
  (t) => [index("login_codes_expires").on(t.expiresAt)],
);
