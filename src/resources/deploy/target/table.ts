import { sql } from "drizzle-orm";
import { bigint, check, index, jsonb, pgTable, text, timestamp, unique, uuid } from "drizzle-orm/pg-core";
import { clusters } from "../../api/cluster/table.js";
import { projects } from "../../api/project/table.js";

/** Where routes of a target come in. */
export interface RouterSettings {
  readonly name: string;
  readonly ingressClass: string;
  readonly domain: string;
  readonly tlsSecret: string;
  readonly clusterIssuer: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly isDefault: boolean;
}

/** A node of a target as it was seen last. */
export interface NodeFacts {
  readonly name: string;
  readonly ready: boolean;
  readonly schedulable: boolean;
  readonly addresses: readonly string[];
  readonly kubeletVersion: string;
  readonly allocatable: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** ISO 8601. */
  readonly createdAt: string;
}

/** Kubernetes clusters on which deployments run: what callers say of them, and what was last seen. */
export const targets = pgTable(
  "targets",
  {
    id: uuid().primaryKey(),
    project: uuid()
      .notNull()
      .references(() => projects.id),
    name: text().notNull(),
    description: text().notNull().default(""),
    /** The platform's cluster; null for a foreign one. */
    cluster: uuid().references(() => clusters.id),
    /** Kubeconfig of a foreign cluster, sealed with the keyring. */
    kubeconfigSealed: text(),
    routers: jsonb().$type<readonly RouterSettings[]>().notNull().default([]),
    labels: jsonb().$type<Readonly<Record<string, string>>>().notNull().default({}),
    /** Rises with every change that a caller makes. */
    version: bigint({ mode: "number" }).notNull().default(1),
    createdAt: timestamp({ withTimezone: true }).notNull(),
    updatedAt: timestamp({ withTimezone: true }).notNull(),

    connection: text({ enum: ["pending", "connected", "disconnected"] })
      .notNull()
      .default("pending"),
    connectionMessage: text().notNull().default(""),
    lastSeenAt: timestamp({ withTimezone: true }),
    health: text({ enum: ["unknown", "healthy", "degraded", "unhealthy"] })
      .notNull()
      .default("unknown"),
    healthMessage: text().notNull().default(""),
    server: text().notNull().default(""),
    kubernetesVersion: text().notNull().default(""),
    capabilities: jsonb().$type<Readonly<Record<string, string>>>().notNull().default({}),
    nodes: jsonb().$type<readonly NodeFacts[]>(),
    /** The version that was tried last: what was seen of an older one says nothing of a new kubeconfig. */
    observedVersion: bigint({ mode: "number" }).notNull().default(0),
  },
  (t) => [
    unique("targets_name").on(t.project, t.name),
    unique("targets_cluster").on(t.project, t.cluster),
    unique("targets_project").on(t.project, t.id),
    index("targets_of_cluster").on(t.cluster),
    check("targets_source", sql`(${t.cluster} is null) <> (${t.kubeconfigSealed} is null)`),
    check("targets_connection", sql`${t.connection} in ('pending', 'connected', 'disconnected')`),
    check("targets_health", sql`${t.health} in ('unknown', 'healthy', 'degraded', 'unhealthy')`),
  ],
);
