import { and, eq, getTableColumns, isNotNull, type SQL, sql } from "drizzle-orm";
import type { AnyPgColumn } from "drizzle-orm/pg-core";
import { inBatches } from "../../../db/batches.js";
import type { Database } from "../../../db/database.js";
import { constraintOf } from "../../../db/errors.js";
import { queries, statement } from "../../../db/statement.js";
import { DomainError } from "../../../errors.js";
import { deployments } from "../../deploy/deployment/table.js";
import { environments } from "../../deploy/environment/table.js";
import { secrets } from "../../deploy/secret/table.js";
import { targets } from "../../deploy/target/table.js";
import { volumeClaims } from "../../deploy/volume-claim/table.js";
import { clusters } from "../cluster/table.js";
import { ips } from "../ip/table.js";
import type { Page } from "../paging.js";
import { isUuid } from "../uuid.js";
import { snapshots, volumes } from "../volume/table.js";
import { projects } from "./table.js";

export type ProjectRow = typeof projects.$inferSelect;

/** What changes in a project; what is left out stays. A project never moves to another tenant. */
export type ProjectChanges = Partial<Pick<ProjectRow, "name" | "description" | "avatarUrl">>;

const fields = getTableColumns(projects);
const given = sql.placeholder;

const getProjects = statement("project_get", fields, () =>
  queries
    .select(fields)
    .from(projects)
    .where(sql`${projects.id} = any(${given("ids")}::uuid[])`),
);
const getProject = inBatches<string, ProjectRow>({
  read: (db, ids) => getProjects(db, { ids }),
  nameOf: (id) => id.toLowerCase(),
  nameOfRow: ({ id }) => id,
});
const lockProject = statement("project_lock", fields, () =>
  queries
    .select(fields)
    .from(projects)
    .where(eq(projects.id, given("id")))
    .for("update"),
);

export const projectStore = {
  /** Adds a project; throws "exists" when the tenant has one of that name, and "missing" for an unknown tenant. */
  async insert(db: Database, row: typeof projects.$inferInsert): Promise<void> {
    await db
      .insert(projects)
      .values(row)
      .catch((error: unknown) => {
        throw translated(error, row);
      });
  },

  /** Adds the default project of a new tenant. */
  async insertDefault(db: Database, { id, tenant, now }: { id: string; tenant: string; now: Date }): Promise<void> {
    const description = `The default project of ${tenant}`;
    const stamps = { createdAt: now, updatedAt: now };
    await projectStore.insert(db, { id, tenant, name: "default", description, isDefault: true, ...stamps });
  },

  /** A project; undefined too for an id that is no uuid. */
  async get(db: Database, id: string): Promise<ProjectRow | undefined> {
    return isUuid(id) ? await getProject(db, id) : undefined;
  },

  /** The same, locked until the transaction ends: nothing new can come into it. */
  async lock(tx: Database, id: string): Promise<ProjectRow | undefined> {
    if (!isUuid(id)) return undefined;
    return (await lockProject(tx, { id }))[0];
  },

  /** How many projects a tenant has, the default one among them. */
  count: (db: Database, tenant: string): Promise<number> => db.$count(projects, eq(projects.tenant, tenant)),

  /** The projects of that set which match, by tenant and name. */
  list(
    db: Database,
    ids: readonly string[],
    filter: { readonly name?: string | undefined; readonly tenant?: string | undefined },
  ): Promise<ProjectRow[]> {
    return (
      db
        .select()
        .from(projects)
        // One parameter however many there are: a query has no more than 65,535.
        .where(
          and(
            sql`${projects.id} = any(${sql.param(ids)}::uuid[])`,
            is(projects.name, filter.name),
            is(projects.tenant, filter.tenant),
          ),
        )
        .orderBy(projects.tenant, projects.name)
    );
  },

  /** A page of the projects that an operator asks for, by tenant and name, and one more when there are more. */
  find(db: Database, filter: { readonly tenant?: string | undefined }, { limit, offset }: Page): Promise<ProjectRow[]> {
    return db
      .select()
      .from(projects)
      .where(is(projects.tenant, filter.tenant))
      .orderBy(projects.tenant, projects.name)
      .limit(limit + 1)
      .offset(offset);
  },

  /** All projects of a tenant, by name. */
  ofTenant(db: Database, tenant: string): Promise<ProjectRow[]> {
    return db.select().from(projects).where(eq(projects.tenant, tenant)).orderBy(projects.name);
  },

  async defaultOf(db: Database, tenant: string): Promise<ProjectRow | undefined> {
    const [row] = await db
      .select()
      .from(projects)
      .where(and(eq(projects.tenant, tenant), eq(projects.isDefault, true)));
    return row;
  },

  /** Changes what is given; undefined for an unknown project. Throws "exists" when the name is taken in the tenant. */
  async update(db: Database, id: string, changes: ProjectChanges, now: Date): Promise<ProjectRow | undefined> {
    const [row] = await db
      .update(projects)
      .set({ ...changes, updatedAt: now })
      .where(eq(projects.id, id))
      .returning()
      .catch((error: unknown) => {
        throw translated(error, changes);
      });
    return row;
  },

  /**
   * What lies in a project, such as "cluster c1" or "address 192.0.2.1": the first of them, and how many there are.
   * Clusters that are being deleted are there still.
   */
  async contents(db: Database, id: string, most: number): Promise<{ named: string[]; count: number }> {
    const { rows } = await db.execute<{ thing: string; count: number }>(sql`
      select thing, (count(*) over ())::int as count from (
        select 1 as kind, 'cluster ' || name as thing from ${clusters} where project = ${id} and deleted_at is null
        union all select 2, 'volume ' || name from ${volumes} where project = ${id} and deleted_at is null
        union all select 3, 'snapshot ' || name from ${snapshots} where project = ${id} and deleted_at is null
        union all select 4, 'address ' || host(address) from ${ips} where project = ${id}
        union all select 5, 'environment ' || name from ${environments} where project = ${id}
        union all select 6, 'target ' || name from ${targets} where project = ${id}
        union all select 7, 'secret ' || name from ${secrets} where project = ${id}
        union all select 8, 'deployment ' || name from ${deployments} where project = ${id} and deleted_at is null
        union all select 9, 'volume claim ' || name from ${volumeClaims} where project = ${id}
      ) as things order by kind, thing limit ${most}`);
    return { named: rows.map(({ thing }) => thing), count: rows[0]?.count ?? 0 };
  },

  /**
   * Removes an empty project with its members, invitations and role bindings, and with what is known of deployments,
   * clusters, volumes and snapshots that were in it.
   */
  async remove(tx: Database, id: string): Promise<void> {
    for (const table of [deployments, snapshots, volumes, clusters]) {
      await tx.delete(table).where(and(eq(table.project, id), isNotNull(table.deletedAt)));
    }
    await tx.delete(projects).where(eq(projects.id, id));
  },
};

const is = (column: AnyPgColumn, value: string | undefined): SQL | undefined =>
  value === undefined ? undefined : eq(column, value);

function translated(error: unknown, { name, tenant }: { name?: string; tenant?: string }): unknown {
  const cause = { cause: error };
  const constraint = constraintOf(error);
  if (constraint === "projects_name")
    return new DomainError("exists", `the tenant has a project ${name} already`, cause);
  if (constraint === "projects_tenant_tenants_login_fk") {
    return new DomainError("missing", `tenant ${tenant} does not exist`, cause);
  }
  return error;
}
