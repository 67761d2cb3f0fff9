import { sql } from "drizzle-orm";
import { bigint, check, foreignKey, index, jsonb, pgTable, text, timestamp, unique, uuid } from "drizzle-orm/pg-core";
import { projects } from "../../api/project/table.js";
import { deployments } from "../deployment/table.js";

/** How a route is encrypted. */
export type RouteTls =
  | { readonly type: "none" }
  | { readonly type: "router" }
  | { readonly type: "secret"; readonly secret: string }
  | { readonly type: "issuer"; readonly clusterIssuer: string };

/** A share of the requests; release 0 is the active one. */
export interface TrafficShare {
  readonly release: number;
  readonly percent: number;
}

/** Routes: what is wanted, and how far it is. */
export const routes = pgTable(
  "routes",
  {
    id: uuid().primaryKey(),
    tenant: text().notNull(),
    project: uuid().notNull(),
    deployment: uuid().notNull(),
    hostname: text().notNull(),
    path: text().notNull().default("/"),
    router: text().notNull(),
    process: text().notNull().default(""),
    port: text().notNull().default(""),
    /** Of a chart. */
    service: text().notNull().default(""),
    tls: jsonb().$type<RouteTls>().notNull(),
    traffic: jsonb().$type<readonly TrafficShare[]>().notNull().default([]),
    annotations: jsonb().$type<Readonly<Record<string, string>>>().notNull().default({}),
    state: text({ enum: ["pending", "active", "failed", "deleting"] })
      .notNull()
      .default("pending"),
    message: text().notNull().default(""),
    version: bigint({ mode: "number" }).notNull().default(1),
    createdAt: timestamp({ withTimezone: true }).notNull(),
    updatedAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [
    foreignKey({
      name: "routes_project",
      columns: [t.tenant, t.project],
      foreignColumns: [projects.tenant, projects.id],
    }),
    foreignKey({
      name: "routes_deployment",
      columns: [t.project, t.deployment],
      foreignColumns: [deployments.project, deployments.id],
    }).onDelete("cascade"),
    unique("routes_hostname").on(t.tenant, t.hostname),
    index("routes_of_deployment").on(t.deployment),
    check("routes_state", sql`${t.state} in ('pending', 'active', 'failed', 'deleting')`),
  ],
);
