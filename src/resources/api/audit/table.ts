import { index, integer, pgTable, text, timestamp, uuid } from "drizzle-orm/pg-core";

/** One phase of one call: who asked for what, from where, and how it ended. Append only. */
export const auditEntries = pgTable(
  "audit_entries",
  {
    id: uuid().primaryKey(),
    at: timestamp({ withTimezone: true }).notNull(),
    /** The same for both phases of a call. */
    requestId: text().notNull(),
    phase: text({ enum: ["request", "response"] }).notNull(),
    method: text().notNull(),
    /** Login of the caller; empty for an anonymous call. */
    user: text(),
    /** The tenant that the request names, or that owns the project that it names. */
    tenant: text(),
    project: text(),
    sourceIp: text().notNull(),
    userAgent: text().notNull(),
    /** The request, or the answer in the response phase, as JSON without its secrets. */
    body: text(),
    /** gRPC status code; only in the response phase. */
    code: integer(),
  },
  (t) => [index("audit_entries_tenant").on(t.tenant, t.at), index("audit_entries_at").on(t.at)],
);
