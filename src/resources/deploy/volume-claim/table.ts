import { sql } from "drizzle-orm";
import { bigint, check, foreignKey, index, jsonb, pgTable, text, timestamp, unique, uuid } from "drizzle-orm/pg-core";
import { environments } from "../environment/table.js";
import { targetNamespaces } from "../namespace/table.js";

/** Volume claims in namespaces of targets: what is wanted, and how far it is. */
export const volumeClaims = pgTable(
  "volume_claims",
  {
    id: uuid().primaryKey(),
    project: uuid().notNull(),
    environment: uuid().notNull(),
    namespace: uuid().notNull(),
    name: text().notNull(),
    /** A Kubernetes quantity. */
    size: text().notNull(),
    storageClass: text().notNull().default(""),
    accessMode: text({ enum: ["ReadWriteOnce", "ReadWriteMany", "ReadOnlyMany"] }).notNull(),
    labels: jsonb().$type<Readonly<Record<string, string>>>().notNull().default({}),
    /** Rises with every change of what is wanted, and the one that the target was last told. */
    generation: bigint({ mode: "number" }).notNull().default(1),
    appliedGeneration: bigint({ mode: "number" }).notNull().default(0),
    state: text({ enum: ["pending", "bound", "failed", "terminating"] })
      .notNull()
      .default("pending"),
    message: text().notNull().default(""),
    /** The size that it has; empty before it is bound. */
    capacity: text().notNull().default(""),
    deleteRequestedAt: timestamp({ withTimezone: true }),
    version: bigint({ mode: "number" }).notNull().default(1),
    createdAt: timestamp({ withTimezone: true }).notNull(),
    updatedAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [
    foreignKey({
      name: "volume_claims_environment",
      columns: [t.project, t.environment],
      foreignColumns: [environments.project, environments.id],
    }),
    foreignKey({
      name: "volume_claims_namespace",
      columns: [t.project, t.namespace],
      foreignColumns: [targetNamespaces.project, targetNamespaces.id],
    }),
    unique("volume_claims_name").on(t.namespace, t.name),
    unique("volume_claims_project").on(t.project, t.id),
    index("volume_claims_environment_index").on(t.environment),
    check("volume_claims_access", sql`${t.accessMode} in ('ReadWriteOnce', 'ReadWriteMany', 'ReadOnlyMany')`),
    check("volume_claims_state", sql`${t.state} in ('pending', 'bound', 'failed', 'terminating')`),
  ],
);
