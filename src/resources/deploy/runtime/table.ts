import { bigint, index, pgTable, primaryKey, text, timestamp, uuid } from "drizzle-orm/pg-core";
import { deployments } from "../deployment/table.js";

/** Shells whose input comes by calls of its own, to whatever process of the API. */
export const shellSessions = pgTable(
  "shell_sessions",
  {
    id: uuid().primaryKey(),
    deployment: uuid()
      .notNull()
      .references(() => deployments.id, { onDelete: "cascade" }),
    /** Who opened it: only they send input. */
    principal: text().notNull(),
    openedAt: timestamp({ withTimezone: true }).notNull(),
    /** Renewed while it is open. */
    aliveAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [index("shell_sessions_alive").on(t.aliveAt)],
);

/** Input of shells that their process has not taken yet. */
export const shellInputs = pgTable(
  "shell_inputs",
  {
    session: uuid()
      .notNull()
      .references(() => shellSessions.id, { onDelete: "cascade" }),
    number: bigint({ mode: "number" }).notNull(),
    /** JSON, sealed with the keyring: people type passwords. */
    inputSealed: text().notNull(),
  },
  (t) => [primaryKey({ columns: [t.session, t.number] })],
);
