import { jsonb, pgTable, text, timestamp } from "drizzle-orm/pg-core";
import type { JWK } from "jose";

/** The keys that sign tokens: the newest whose time has come signs, all of them verify. */
export const signingKeys = pgTable("signing_keys", {
  kid: text().primaryKey(),
  publicJwk: jsonb().$type<JWK>().notNull(),
  /** The private key as a JWE, encrypted with a key of the configured keyring. */
  privateJwe: text().notNull(),
  createdAt: timestamp({ withTimezone: true }).notNull(),
  /** A new key is published before it signs, so that whoever caches the published keys knows it by then. */
  signsFrom: timestamp({ withTimezone: true }).notNull().defaultNow(),
});
