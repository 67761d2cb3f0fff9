import { sql } from "drizzle-orm";
import { boolean, pgTable, text, timestamp, unique, uniqueIndex, uuid } from "drizzle-orm/pg-core";
import { tenants } from "../tenant/table.js";

/** Projects: what clusters, volumes and addresses belong to. */
export const projects = pgTable(
  "projects",
  {
    id: uuid().primaryKey(),
    tenant: text()
      .notNull()
      .references(() => tenants.login),
    name: text().notNull(),
    description: text().notNull().default(""),
    avatarUrl: text(),
    isDefault: boolean().notNull().default(false),
    createdAt: timestamp({ withTimezone: true }).notNull(),
    updatedAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [
    unique("projects_name").on(t.tenant, t.name),
    // What names a project and its tenant can refer to both at once.
    unique("projects_of_tenant").on(t.tenant, t.id),
    uniqueIndex("projects_default").on(t.tenant).where(sql`${t.isDefault}`),
  ],
);
