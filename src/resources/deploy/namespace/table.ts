import { sql } from "drizzle-orm";
import { bigint, boolean, check, foreignKey, jsonb, pgTable, text, timestamp, unique, uuid } from "drizzle-orm/pg-core";
import { targets } from "../target/table.js";

/** Namespaces of targets in which deployments run: what is wanted, and how far it is. */
export const targetNamespaces = pgTable(
  "target_namespaces",
  {
    id: uuid().primaryKey(),
    project: uuid().notNull(),
    target: uuid().notNull(),
    name: text().notNull(),
    /** Whether one that exists is taken over. */
    adopt: boolean().notNull().default(false),
    labels: jsonb().$type<Readonly<Record<string, string>>>().notNull().default({}),
    /** Rises with every change of what is wanted, and the one that the target was last told. */
    generation: bigint({ mode: "number" }).notNull().default(1),
    appliedGeneration: bigint({ mode: "number" }).notNull().default(0),
    state: text({ enum: ["pending", "active", "refused", "terminating"] })
      .notNull()
      .default("pending"),
    message: text().notNull().default(""),
    /** Whether it existed before: then it stays when it is deleted here. */
    adopted: boolean().notNull().default(false),
    deleteRequestedAt: timestamp({ withTimezone: true }),
    createdAt: timestamp({ withTimezone: true }).notNull(),
    updatedAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [
    foreignKey({ columns: [t.project, t.target], foreignColumns: [targets.project, targets.id] }),
    unique("target_namespaces_name").on(t.target, t.name),
    unique("target_namespaces_project").on(t.project, t.id),
    check("target_namespaces_state", sql`${t.state} in ('pending', 'active', 'refused', 'terminating')`),
  ],
);
