import { index, integer, pgTable, primaryKey, text, timestamp, uuid } from "drizzle-orm/pg-core";

/**
 * One phase of one call: who asked for what, from where, and how it ended.
 * Append only. In the database it is partitioned by day; see partitions.ts.
 */
export const auditEntries = pgTable(
  "audit_entries",
  {
    /** The call's own; the same for both of its phases. */
    id: uuid().notNull(),
    at: timestamp({ withTimezone: true }).notNull(),
    /** What the caller saw as x-request-id; it may have chosen it. */
    requestId: text().notNull(),
    phase: text({ enum: ["request", "response"] }).notNull(),
    method: text().notNull(),
    /** Login of the caller; empty for an anonymous call. */
    user: text(),
    /** The tenant that owns the project that the request names, or else the tenant that it names. */
    tenant: text(),
    project: text(),
    sourceIp: text().notNull(),
    userAgent: text().notNull(),
    /** The request, or the answer in the response phase, as JSON without its secrets. */
    body: text(),
    /** gRPC status code; only in the response phase. */
    code: integer(),
  },
  (t) => [
    primaryKey({ columns: [t.at, t.id, t.phase] }),
    index("audit_entries_tenant").on(t.tenant, t.at, t.id),
    index("audit_entries_id").on(t.id),
  ],
);
