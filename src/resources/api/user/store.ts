import { eq, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { prepared } from "../../../db/prepared.js";
import { projectMembers, projects } from "../project/table.js";
import type { AdminRoleName, ProjectRoleName, TenantRoleName } from "../roles.js";
import { tenantMembers } from "../tenant/table.js";
import { users } from "./table.js";

/** A user's memberships as they are stored, before inheritance; a project may be there twice, by itself and by its tenant. */
export interface MembershipRows {
  readonly adminRole: AdminRoleName | null;
  readonly tenants: readonly { readonly tenant: string; readonly role: TenantRoleName }[];
  readonly projects: readonly {
    readonly project: string;
    readonly tenant: string;
    readonly role: ProjectRoleName | null;
  }[];
}

const given = sql.placeholder;
const adminRoleOf = prepared((db) =>
  db
    .select({ adminRole: users.adminRole })
    .from(users)
    .where(eq(users.login, given("login")))
    .prepare("user_admin_role"),
);
const tenantsOf = prepared((db) =>
  db
    .select({ tenant: tenantMembers.tenant, role: tenantMembers.role })
    .from(tenantMembers)
    .where(eq(tenantMembers.member, given("login")))
    .prepare("user_tenants"),
);
const directProjectsOf = prepared((db) =>
  db
    .select({ project: projects.id, tenant: projects.tenant, role: projectMembers.role })
    .from(projectMembers)
    .innerJoin(projects, eq(projects.id, projectMembers.project))
    .where(eq(projectMembers.member, given("login")))
    .prepare("user_direct_projects"),
);
const projectsOfTenants = prepared((db) =>
  db
    .select({ project: projects.id, tenant: projects.tenant })
    .from(tenantMembers)
    .innerJoin(projects, eq(projects.tenant, tenantMembers.tenant))
    .where(eq(tenantMembers.member, given("login")))
    .prepare("user_tenant_projects"),
);

export const userStore = {
  /** Makes the user exist; an admin role that is given replaces the stored one. */
  async ensure(db: Database, login: string, now: Date, adminRole?: AdminRoleName): Promise<void> {
    const insert = db.insert(users).values({ login, createdAt: now, adminRole: adminRole ?? null });
    if (adminRole === undefined) await insert.onConflictDoNothing();
    else await insert.onConflictDoUpdate({ target: users.login, set: { adminRole } });
  },

  /** All memberships of a user, by queries that run at once; undefined for an unknown user. */
  async memberships(db: Database, login: string): Promise<MembershipRows | undefined> {
    const [[user], tenants, direct, ofTenants] = await Promise.all([
      adminRoleOf(db).execute({ login }),
      tenantsOf(db).execute({ login }),
      directProjectsOf(db).execute({ login }),
      projectsOfTenants(db).execute({ login }),
    ]);
    const reachable = [...direct, ...ofTenants.map((row) => ({ ...row, role: null }))];
    return user && { adminRole: user.adminRole, tenants, projects: reachable };
  },
};
