import { and, desc, eq, gte, lte, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { sqlStateOf } from "../../../db/errors.js";
import { statement } from "../../../db/statement.js";
import { storableText } from "../../../db/storable-json.js";
import { DomainError } from "../../../errors.js";
import { projects } from "../project/table.js";
import { tenants } from "../tenant/table.js";
import { auditEntries } from "./table.js";

export type AuditRow = typeof auditEntries.$inferSelect;

/** Names the records of one call; a tenant's own are looked for where it is given. */
export interface AuditKey {
  readonly id: string;
  readonly phase?: AuditRow["phase"] | undefined;
  readonly tenant?: string | undefined;
}

/** Which records are looked for; what is left out matches all. */
export interface AuditFilter {
  /** Both ends are included. */
  readonly from: Date;
  readonly to: Date;
  readonly limit: number;
  readonly tenant?: string | undefined;
  readonly id?: string | undefined;
  readonly user?: string | undefined;
  readonly project?: string | undefined;
  readonly method?: string | undefined;
  readonly sourceIp?: string | undefined;
  readonly code?: number | undefined;
  /** A part of the body, letter by letter. */
  readonly body?: string | undefined;
  readonly phase?: AuditRow["phase"] | undefined;
}

/** A project that entries name, and the tenant that owns it. */
export interface ProjectOwner {
  readonly project: string;
  readonly tenant: string;
}

const { at, id, phase } = auditEntries;
const newestFirst = [desc(at), desc(id), desc(phase)];
const searchTimeoutMs = 10_000;

export const auditStore = {
  /**
   * Writes entries in one statement; one that names a project gets the tenant
   * that owns it. Answers the owners of the projects that entries name and that exist.
   */
  async insert(db: Database, entries: readonly AuditRow[]): Promise<ProjectOwner[]> {
    for (let retries = 3; ; retries -= 1) {
      try {
        return await insertOnce(db, entries);
      } catch (error) {
        // The day of an entry got its partition while the entry waited to go into the default one.
        if (sqlStateOf(error) !== "23514" || retries === 0) throw error;
      }
    }
  },

  /** The record that was written last of those that the key names. */
  async get(db: Database, key: AuditKey): Promise<AuditRow | undefined> {
    const [row] = await db
      .select()
      .from(auditEntries)
      .where(matches(key))
      .orderBy(...newestFirst)
      .limit(1);
    return row;
  },

  /** The newest records first. Throws DomainError "timeout" when the search takes longer than 10 s. */
  async find(db: Database, { from, to, limit, ...filter }: AuditFilter): Promise<AuditRow[]> {
    try {
      return await db.transaction(async (tx) => {
        await tx.execute(sql.raw(`set local statement_timeout = ${searchTimeoutMs}`));
        const where = and(gte(at, from), lte(at, to), matches(filter), contains(filter.body));
        return await tx
          .select()
          .from(auditEntries)
          .where(where)
          .orderBy(...newestFirst)
          .limit(limit);
      });
    } catch (error) {
      if (sqlStateOf(error) !== "57014") throw error;
      const message = "the search took longer than 10 s: narrow it with from, to, user, project or method";
      throw new DomainError("timeout", message, { cause: error });
    }
  },
};

const insertAll = statement(
  "audit_insert",
  { project: sql<string>`project`.as("project"), tenant: sql<string>`owner`.as("tenant") },
  () => sql`
    with e as materialized (
      select given.*, ${projects}.tenant as owner
      from jsonb_to_recordset(${sql.placeholder("entries")}::jsonb) as given
        (id uuid, at timestamptz, request_id text, phase text, method text, "user" text, tenant text, project text,
         source_ip text, user_agent text, body text, code integer)
      left join ${projects} on ${projects}.id = case when given.project ~* ${uuidPattern} then given.project::uuid end
    ), written as (
      insert into ${auditEntries}
        (id, at, request_id, phase, method, "user", tenant, project, source_ip, user_agent, body, code)
      select id, at, request_id, phase, method, "user", coalesce(owner, tenant),
             case when owner is null then project else lower(project) end, source_ip, user_agent, body, code
      from e
      on conflict do nothing
    )
    select distinct project, owner from e where owner is not null`,
);

function insertOnce(db: Database, entries: readonly AuditRow[]): Promise<ProjectOwner[]> {
  return insertAll(db, { entries: JSON.stringify(entries.map(columnsOf)) });
}

type Matching = Omit<AuditFilter, "from" | "to" | "limit" | "body">;

function matches(filter: Matching) {
  const columns = { ...filter, project: filter.project?.toLowerCase() };
  const { tenant } = filter;
  return and(
    // A login that was given up may be another tenant's now: that one sees what came after it was made.
    tenant === undefined
      ? undefined
      : sql`${at} >= (select ${tenants.createdAt} from ${tenants} where ${tenants.login} = ${tenant})`,
    ...(Object.keys(matched) as (keyof Matching)[]).map((name) => {
      const value = columns[name];
      return value === undefined ? undefined : eq(matched[name], value);
    }),
  );
}

const matched = {
  tenant: auditEntries.tenant,
  id,
  user: auditEntries.user,
  project: auditEntries.project,
  method: auditEntries.method,
  sourceIp: auditEntries.sourceIp,
  code: auditEntries.code,
  phase,
};

// Not `like`: nothing in the text means anything but itself.
const contains = (text: string | undefined) =>
  text === undefined ? undefined : sql`strpos(${auditEntries.body}, ${text}) > 0`;

const uuidPattern = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";

function columnsOf(row: AuditRow) {
  const { requestId: request_id, sourceIp: source_ip, userAgent: user_agent, ...rest } = row;
  return storable({ ...rest, request_id, source_ip, user_agent });
}

/** A caller may send what the database cannot store, and cutting a text may leave it. */
function storable<T extends object>(row: T): T {
  return Object.fromEntries(
    Object.entries(row).map(([key, value]) => [key, typeof value === "string" ? storableText(value) : value]),
  ) as T;
}
