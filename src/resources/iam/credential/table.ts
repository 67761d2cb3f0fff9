import { sql } from "drizzle-orm";
import { boolean, check, index, pgTable, text, timestamp, unique, uniqueIndex, uuid } from "drizzle-orm/pg-core";
import { principals } from "../principal/table.js";

/** API keys, client secrets and SSH public keys. Secrets are kept as SHA-256 digests: they are random and long. */
export const credentials = pgTable(
  "credentials",
  {
    id: uuid().primaryKey(),
    principal: text()
      .notNull()
      .references(() => principals.id, { onDelete: "cascade" }),
    kind: text({ enum: ["api_key", "client_secret", "ssh_public_key"] }).notNull(),
    name: text().notNull(),
    enabled: boolean().notNull().default(true),
    digest: text(),
    rotatedAt: timestamp({ withTimezone: true }).notNull(),
    /** The secret before the last rotation, and until when it still holds. */
    previousDigest: text(),
    previousUntil: timestamp({ withTimezone: true }),
    publicKey: text(),
    fingerprint: text(),
    createdBy: text().notNull(),
    createdAt: timestamp({ withTimezone: true }).notNull(),
    expiresAt: timestamp({ withTimezone: true }),
  },
  (t) => [
    unique("credentials_name").on(t.principal, t.name),
    uniqueIndex("credentials_fingerprint").on(t.fingerprint),
    check("credentials_kind", sql`${t.kind} in ('api_key', 'client_secret', 'ssh_public_key')`),
    check("credentials_secret", sql`(${t.digest} is null) = (${t.kind} = 'ssh_public_key')`),
    check(
      "credentials_public_key",
      sql`(${t.publicKey} is not null and ${t.fingerprint} is not null) = (${t.kind} = 'ssh_public_key')`,
    ),
    check("credentials_previous", sql`(${t.previousDigest} is null) = (${t.previousUntil} is null)`),
  ],
);

/** When credentials were used last; apart from them, so that a use is no change of the credential. */
export const credentialUses = pgTable(
  "credential_uses",
  {
    credential: uuid()
      .primaryKey()
      .references(() => credentials.id, { onDelete: "cascade" }),
    at: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [index("credential_uses_at").on(t.at)],
);
