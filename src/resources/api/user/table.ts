import { sql } from "drizzle-orm";
import { check, pgTable, text, timestamp } from "drizzle-orm/pg-core";

/** Everybody who may own tokens. The login is also the id of the user's personal tenant. */
export const users = pgTable(
  "users",
  {
    login: text().primaryKey(),
    /** What an operator may do: "editor" or "viewer"; empty for everybody else. */
    adminRole: text({ enum: ["editor", "viewer"] }),
    createdAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [check("users_admin_role", sql`${t.adminRole} in ('editor', 'viewer')`)],
);
