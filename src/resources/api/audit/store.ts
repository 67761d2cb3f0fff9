import { sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { projects } from "../project/table.js";
import { auditEntries } from "./table.js";

export type AuditRow = typeof auditEntries.$inferSelect;

export const auditStore = {
  /** Writes entries in one statement; one that names only a project gets the tenant that owns it. */
  async insert(db: Database, entries: readonly AuditRow[]): Promise<void> {
    await db.execute(sql`
      insert into ${auditEntries}
        (id, at, request_id, phase, method, "user", tenant, project, source_ip, user_agent, body, code)
      select e.id, e.at, e.request_id, e.phase, e.method, e."user", coalesce(e.tenant, ${projects}.tenant), e.project,
             e.source_ip, e.user_agent, e.body, e.code
      from jsonb_to_recordset(${JSON.stringify(entries.map(columnsOf))}::jsonb) as e
        (id uuid, at timestamptz, request_id text, phase text, method text, "user" text, tenant text, project text,
         source_ip text, user_agent text, body text, code integer)
      left join ${projects} on ${projects}.id = case when e.project ~* ${uuidPattern} then e.project::uuid end
      on conflict do nothing`);
  },
};

const uuidPattern = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";

function columnsOf(row: AuditRow) {
  const { requestId: request_id, sourceIp: source_ip, userAgent: user_agent, ...rest } = row;
  return withoutNul({ ...rest, request_id, source_ip, user_agent });
}

/** PostgreSQL's text cannot hold U+0000, which a caller may send. */
function withoutNul<T extends object>(row: T): T {
  return Object.fromEntries(
    Object.entries(row).map(([key, value]) => [
      key,
      typeof value === "string" ? value.replaceAll("\u0000", "") : value,
    ]),
  ) as T;
}
