import { boolean, integer, pgTable, text, timestamp } from "drizzle-orm/pg-core";

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
  /** When the tenant asked to be admitted, and what it said then. */
  admissionRequestedAt: timestamp({ withTimezone: true }),
  admissionNote: text().notNull().default(""),
  /** Value-added tax number. */
  vat: text().notNull().default(""),
  createdBy: text().notNull(),
  createdAt: timestamp({ withTimezone: true }).notNull(),
  updatedAt: timestamp({ withTimezone: true }).notNull(),
});
