import { and, eq, inArray, isNotNull, type SQL, sql } from "drizzle-orm";
import { type AnyPgColumn, unionAll } from "drizzle-orm/pg-core";
import type { Database } from "../../../db/database.js";
import type { PermissionScope } from "../../../platform.js";
import { projectMembers, tenantMembers } from "../../api/member/table.js";
import type { Page } from "../../api/paging.js";
import { projects } from "../../api/project/table.js";
import { tenantRoles } from "../../api/roles.js";
import { principals } from "../principal/table.js";
import type { Scope } from "./scope.js";
import { customRoles, roleBindings } from "./table.js";

/** A role that somebody holds, wherever it is kept, or that an e-mail address is promised. */
export interface BindingRow {
  readonly scope: PermissionScope;
  readonly tenant: string | null;
  readonly project: string | null;
  /** The environment or deployment of the project. */
  readonly part: string | null;
  readonly principal: string | null;
  readonly email: string | null;
  /** A built-in role's name, or a custom role's uuid. */
  readonly role: string;
  readonly roleName: string;
  /** Unknown for the admin role. */
  readonly createdAt: Date | null;
  /** Empty where it was not written down. */
  readonly createdBy: string;
}

/** Which bindings to read; what is left out matches all. */
export interface BindingFilter {
  readonly scope: Scope;
  /** Those of the scopes in it, too. */
  readonly narrower?: boolean;
  readonly principals?: readonly string[];
  readonly email?: string;
  readonly role?: string | undefined;
  /** Only built-in roles. */
  readonly builtIn?: true;
  readonly pending?: boolean | undefined;
}

/** The bindings that match, by scope, holder and role: one row more than the page has. */
export function listBindings(
  db: Database,
  filter: BindingFilter,
  { limit, offset }: Pick<Page, "limit" | "offset">,
): Promise<BindingRow[]> {
  const of = placesOf(db, filter.scope, filter.narrower ?? false);
  const all = unionAll(
    bindingsIn(db, of.bindings),
    tenantRolesIn(db, of.tenants),
    projectRolesIn(db, of.projects),
    adminRolesIn(db, of.admins),
  ).as("bound");
  const { principals: holders, email, role, builtIn, pending } = filter;
  return db
    .select()
    .from(all)
    .where(
      and(
        holders === undefined ? undefined : inArray(all.principal, [...holders]),
        email === undefined ? undefined : eq(all.email, email),
        role === undefined ? undefined : eq(all.role, role),
        // No custom role bears such an id.
        builtIn === undefined ? undefined : inArray(all.role, Object.keys(tenantRoles)),
        pending === undefined ? undefined : sql`(${all.principal} is null) = ${pending}`,
      ),
    )
    .orderBy(
      sql`array_position(array['platform', 'tenant', 'project', 'environment', 'deployment'], ${all.scope})`,
      sql`${all.tenant} nulls first, ${all.project} nulls first, ${all.part} nulls first`,
      sql`${all.principal} nulls last, ${all.email}, ${all.role}`,
    )
    .limit(limit + 1)
    .offset(offset);
}

/** One binding of exactly that scope; undefined when there is none. */
export async function findBinding(db: Database, filter: BindingFilter): Promise<BindingRow | undefined> {
  const [row] = await listBindings(db, filter, { limit: 0, offset: 0 });
  return row;
}

interface Places {
  readonly bindings: SQL | undefined;
  readonly tenants: SQL | undefined;
  readonly projects: SQL | undefined;
  readonly admins: SQL | undefined;
}

const none = sql`false`;

/** What of each table lies in the scope; undefined is everything. */
function placesOf(db: Database, scope: Scope, narrower: boolean): Places {
  switch (scope.kind) {
    case "platform":
      return narrower
        ? { bindings: undefined, tenants: undefined, projects: undefined, admins: undefined }
        : { bindings: none, tenants: none, projects: none, admins: undefined };
    case "tenant": {
      const own = db.select({ id: projects.id }).from(projects).where(eq(projects.tenant, scope.tenant));
      const here = eq(roleBindings.tenant, scope.tenant);
      return {
        bindings: narrower ? sql`(${here} or ${inArray(roleBindings.project, own)})` : here,
        tenants: eq(tenantMembers.tenant, scope.tenant),
        projects: narrower ? inArray(projectMembers.project, own) : none,
        admins: none,
      };
    }
    case "project": {
      const inside = eq(roleBindings.project, scope.project);
      return {
        bindings: narrower ? inside : and(inside, eq(roleBindings.scope, "project")),
        tenants: none,
        projects: eq(projectMembers.project, scope.project),
        admins: none,
      };
    }
    default:
      return {
        bindings: and(
          eq(roleBindings.project, scope.project),
          eq(roleBindings.scope, scope.kind),
          eq(roleBindings.subject, scope.part),
        ),
        tenants: none,
        projects: none,
        admins: none,
      };
  }
}

// The four are put together column by column: each names all of them, in this order and of these types.
function bindingsIn(db: Database, where: SQL | undefined) {
  return db
    .select({
      scope: sql<PermissionScope>`${roleBindings.scope}`.as("scope"),
      tenant: roleBindings.tenant,
      project: roleBindings.project,
      part: sql<string | null>`${roleBindings.subject}`.as("part"),
      principal: roleBindings.principal,
      email: roleBindings.email,
      role: sql<string>`coalesce(${roleBindings.builtInRole}, ${roleBindings.customRole}::text)`.as("role"),
      roleName: sql<string>`coalesce(${roleBindings.builtInRole}, ${customRoles.name})`.as("role_name"),
      createdAt: timeOf(roleBindings.createdAt),
      createdBy: roleBindings.createdBy,
    })
    .from(roleBindings)
    .leftJoin(customRoles, eq(customRoles.id, roleBindings.customRole))
    .where(where);
}

const timeOf = (column: AnyPgColumn | SQL) =>
  sql`${column}`.mapWith((text: string): Date | null => new Date(text)).as("created_at");

function tenantRolesIn(db: Database, where: SQL | undefined) {
  return db
    .select({
      scope: sql<PermissionScope>`'tenant'`.as("scope"),
      tenant: sql<string | null>`${tenantMembers.tenant}`.as("tenant"),
      project: sql<string | null>`null::uuid`.as("project"),
      part: sql<string | null>`null::uuid`.as("part"),
      principal: sql<string | null>`${tenantMembers.member}`.as("principal"),
      email: sql<string | null>`null::text`.as("email"),
      role: sql<string>`${tenantMembers.role}`.as("role"),
      roleName: sql<string>`${tenantMembers.role}`.as("role_name"),
      createdAt: timeOf(tenantMembers.createdAt),
      createdBy: sql<string>`''`.as("created_by"),
    })
    .from(tenantMembers)
    .where(where);
}

function projectRolesIn(db: Database, where: SQL | undefined) {
  return db
    .select({
      scope: sql<PermissionScope>`'project'`.as("scope"),
      tenant: sql<string | null>`null::text`.as("tenant"),
      project: sql<string | null>`${projectMembers.project}`.as("project"),
      part: sql<string | null>`null::uuid`.as("part"),
      principal: sql<string | null>`${projectMembers.member}`.as("principal"),
      email: sql<string | null>`null::text`.as("email"),
      role: sql<string>`${projectMembers.role}`.as("role"),
      roleName: sql<string>`${projectMembers.role}`.as("role_name"),
      createdAt: timeOf(projectMembers.createdAt),
      createdBy: sql<string>`''`.as("created_by"),
    })
    .from(projectMembers)
    .where(where);
}

function adminRolesIn(db: Database, where: SQL | undefined) {
  return db
    .select({
      scope: sql<PermissionScope>`'platform'`.as("scope"),
      tenant: sql<string | null>`null::text`.as("tenant"),
      project: sql<string | null>`null::uuid`.as("project"),
      part: sql<string | null>`null::uuid`.as("part"),
      principal: sql<string | null>`${principals.id}`.as("principal"),
      email: sql<string | null>`null::text`.as("email"),
      role: sql<string>`${principals.adminRole}`.as("role"),
      roleName: sql<string>`${principals.adminRole}`.as("role_name"),
      createdAt: timeOf(sql`null::timestamptz`),
      createdBy: sql<string>`''`.as("created_by"),
    })
    .from(principals)
    .where(and(isNotNull(principals.adminRole), where));
}
