import { sql } from "drizzle-orm";
import { bigint, boolean, jsonb, pgTable, text, timestamp, unique, uniqueIndex, uuid } from "drizzle-orm/pg-core";
import { projects } from "../../api/project/table.js";

/** A taint of nodes that pods bear, as Kubernetes has it. */
export interface Toleration {
  readonly key?: string;
  readonly operator?: string;
  readonly value?: string;
  readonly effect?: string;
  readonly tolerationSeconds?: number;
}

/** Allows some values of a field and no others, or denies some. */
export interface Constraint {
  readonly field: "target" | "plan" | "router" | "storage_class" | "addon";
  readonly values: readonly string[];
  readonly deny: boolean;
}

/** What deployments of a project have in common. */
export const environments = pgTable(
  "environments",
  {
    id: uuid().primaryKey(),
    project: uuid()
      .notNull()
      .references(() => projects.id),
    name: text().notNull(),
    description: text().notNull().default(""),
    isDefault: boolean().notNull().default(false),
    nodeSelector: jsonb().$type<Readonly<Record<string, string>>>().notNull().default({}),
    tolerations: jsonb().$type<readonly Toleration[]>().notNull().default([]),
    constraints: jsonb().$type<readonly Constraint[]>().notNull().default([]),
    labels: jsonb().$type<Readonly<Record<string, string>>>().notNull().default({}),
    version: bigint({ mode: "number" }).notNull().default(1),
    createdAt: timestamp({ withTimezone: true }).notNull(),
    updatedAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [
    unique("environments_name").on(t.project, t.name),
    // What names an environment and its project can refer to both at once.
    unique("environments_project").on(t.project, t.id),
    uniqueIndex("environments_default").on(t.project).where(sql`${t.isDefault}`),
  ],
);
