import { sql } from "drizzle-orm";
import {
  bigint,
  check,
  foreignKey,
  index,
  jsonb,
  pgTable,
  text,
  timestamp,
  unique,
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";
import { projects } from "../../api/project/table.js";
import { environments } from "../environment/table.js";

/** What may be shown of a certificate; times are ISO 8601. */
export interface CertificateFacts {
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  readonly issuer: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly fingerprint: string;
}

/** Secrets of projects and environments, without their content. */
export const secrets = pgTable(
  "secrets",
  {
    id: uuid().primaryKey(),
    project: uuid()
      .notNull()
      .references(() => projects.id),
    /** Null when it is for the whole project. */
    environment: uuid(),
    collection: text().notNull().default(""),
    name: text().notNull(),
    description: text().notNull().default(""),
    type: text({ enum: ["opaque", "tls", "cloud_credential", "registry"] }).notNull(),
    /** The newest version. */
    version: bigint({ mode: "number" }).notNull().default(1),
    certificate: jsonb().$type<CertificateFacts>(),
    labels: jsonb().$type<Readonly<Record<string, string>>>().notNull().default({}),
    createdAt: timestamp({ withTimezone: true }).notNull(),
    updatedAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [
    foreignKey({ columns: [t.project, t.environment], foreignColumns: [environments.project, environments.id] }),
    uniqueIndex("secrets_name").on(t.project, sql`coalesce(${t.environment}::text, '')`, t.collection, t.name),
    index("secrets_environment").on(t.environment),
    check("secrets_type", sql`${t.type} in ('opaque', 'tls', 'cloud_credential', 'registry')`),
    check("secrets_certificate", sql`(${t.type} = 'tls') = (${t.certificate} is not null)`),
  ],
);

/** The content of secrets, by version. Versions never change; those that releases hold stay. */
export const secretVersions = pgTable(
  "secret_versions",
  {
    id: uuid().primaryKey(),
    secret: uuid()
      .notNull()
      .references(() => secrets.id, { onDelete: "cascade" }),
    version: bigint({ mode: "number" }).notNull(),
    keys: text().array().notNull(),
    /** JSON of base64 by key, sealed with the keyring. */
    dataSealed: text().notNull(),
    createdAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [
    unique("secret_versions_once").on(t.secret, t.version),
    check("secret_versions_version", sql`${t.version} >= 1`),
  ],
);
