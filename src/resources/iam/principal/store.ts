import { eq, type SQL, sql } from "drizzle-orm";
import type { AnyPgColumn } from "drizzle-orm/pg-core";
import type { Database } from "../../../db/database.js";
import { prepared } from "../../../db/prepared.js";
import { projectMembers, tenantMembers } from "../../api/member/table.js";
import { projects } from "../../api/project/table.js";
import type { AdminRoleName, ProjectRoleName, TenantRoleName } from "../../api/roles.js";
import { customRoles, roleBindings } from "../access/table.js";
import { principals, teamMembers } from "./table.js";

export type PrincipalRow = typeof principals.$inferSelect;

/**
 * What a principal and its teams are members of, as it is stored, before inheritance. A project may be there
 * several times: by itself, by each team, and by its tenant.
 */
export interface MembershipRows {
  readonly kind: PrincipalRow["kind"];
  readonly enabled: boolean;
  readonly adminRole: AdminRoleName | null;
  /** Ids of the enabled teams and groups that it belongs to. */
  readonly teams: readonly string[];
  readonly tenants: readonly { readonly tenant: string; readonly role: TenantRoleName }[];
  readonly projects: readonly {
    readonly project: string;
    readonly tenant: string;
    readonly role: ProjectRoleName | null;
  }[];
  readonly bindings: readonly BindingRights[];
}

/** What a role binding gives: a built-in role, or the permissions of a custom one. */
export interface BindingRights {
  readonly scope: "tenant" | "project" | "environment" | "deployment";
  readonly tenant: string | null;
  readonly project: string | null;
  readonly subject: string | null;
  readonly builtInRole: TenantRoleName | null;
  readonly permissions: readonly string[] | null;
}

const given = sql.placeholder;
const teamsOfIt = sql`
  select ${teamMembers.team} from ${teamMembers}
  join ${principals} on ${principals.id} = ${teamMembers.team}
  where ${teamMembers.member} = ${given("id")} and ${principals.enabled}`;
/** The principal itself, and its teams. */
const holds = (column: AnyPgColumn): SQL => sql`${column} in (select ${given("id")}::text union all ${teamsOfIt})`;

const getPrincipal = prepared((db) =>
  db
    .select()
    .from(principals)
    .where(eq(principals.id, given("id")))
    .prepare("principal_get"),
);
const teamsOf = prepared((db) =>
  db
    .select({ team: teamMembers.team })
    .from(teamMembers)
    .where(sql`${teamMembers.team} in (${teamsOfIt}) and ${teamMembers.member} = ${given("id")}`)
    .orderBy(teamMembers.team)
    .prepare("principal_teams"),
);
const tenantsOf = prepared((db) =>
  db
    .select({ tenant: tenantMembers.tenant, role: tenantMembers.role })
    .from(tenantMembers)
    .where(holds(tenantMembers.member))
    .prepare("principal_tenants"),
);
const directProjectsOf = prepared((db) =>
  db
    .select({ project: projects.id, tenant: projects.tenant, role: projectMembers.role })
    .from(projectMembers)
    .innerJoin(projects, eq(projects.id, projectMembers.project))
    .where(holds(projectMembers.member))
    .prepare("principal_direct_projects"),
);
const projectsOfTenants = prepared((db) =>
  db
    .select({ project: projects.id, tenant: projects.tenant })
    .from(projects)
    .where(
      sql`${projects.tenant} in (
        select ${tenantMembers.tenant} from ${tenantMembers} where ${holds(tenantMembers.member)}
        union select ${roleBindings.tenant} from ${roleBindings} where ${holds(roleBindings.principal)})`,
    )
    .prepare("principal_tenant_projects"),
);
const bindingsOf = prepared((db) =>
  db
    .select({
      scope: roleBindings.scope,
      tenant: roleBindings.tenant,
      project: roleBindings.project,
      subject: roleBindings.subject,
      builtInRole: roleBindings.builtInRole,
      permissions: customRoles.permissions,
    })
    .from(roleBindings)
    .leftJoin(customRoles, eq(customRoles.id, roleBindings.customRole))
    .where(holds(roleBindings.principal))
    .prepare("principal_bindings"),
);

export const principalStore = {
  /** Makes the user exist; an admin role that is given replaces the stored one. */
  async ensureUser(db: Database, login: string, now: Date, adminRole?: AdminRoleName): Promise<void> {
    const insert = db.insert(principals).values({
      id: login,
      kind: "user",
      name: login,
      createdAt: now,
      updatedAt: now,
      adminRole: adminRole ?? null,
    });
    if (adminRole === undefined) await insert.onConflictDoNothing();
    else await insert.onConflictDoUpdate({ target: principals.id, set: { adminRole } });
  },

  async get(db: Database, id: string): Promise<PrincipalRow | undefined> {
    const [row] = await getPrincipal(db).execute({ id });
    return row;
  },

  /** All memberships of a principal, by queries that run at once; undefined for an unknown one. */
  async memberships(db: Database, id: string): Promise<MembershipRows | undefined> {
    const [principal, teams, tenants, direct, ofTenants, bindings] = await Promise.all([
      principalStore.get(db, id),
      teamsOf(db).execute({ id }),
      tenantsOf(db).execute({ id }),
      directProjectsOf(db).execute({ id }),
      projectsOfTenants(db).execute({ id }),
      bindingsOf(db).execute({ id }),
    ]);
    if (principal === undefined) return undefined;
    const { kind, enabled, adminRole } = principal;
    return {
      kind,
      enabled,
      adminRole,
      teams: teams.map(({ team }) => team),
      tenants,
      projects: [...direct, ...ofTenants.map((row) => ({ ...row, role: null }))],
      bindings,
    };
  },
};
