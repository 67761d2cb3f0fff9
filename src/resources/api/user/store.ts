import { eq, or, sql } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { projectMembers, projects } from "../project/table.js";
import type { AdminRoleName, ProjectRoleName, TenantRoleName } from "../roles.js";
import { tenantMembers } from "../tenant/table.js";
import { users } from "./table.js";

export type UserRow = typeof users.$inferSelect;

/** A user's memberships as they are stored, before inheritance. */
export interface MembershipRows {
  readonly adminRole: AdminRoleName | null;
  readonly tenants: readonly { readonly tenant: string; readonly role: TenantRoleName }[];
  readonly projects: readonly {
    readonly project: string;
    readonly tenant: string;
    readonly role: ProjectRoleName | null;
  }[];
}

export const userStore = {
  /** Makes the user exist; an admin role that is given replaces the stored one. */
  async ensure(db: Database, login: string, now: Date, adminRole?: AdminRoleName): Promise<void> {
    const insert = db.insert(users).values({ login, createdAt: now, adminRole: adminRole ?? null });
    if (adminRole === undefined) await insert.onConflictDoNothing();
    else await insert.onConflictDoUpdate({ target: users.login, set: { adminRole } });
  },

  /** All memberships of a user, in one round trip each for tenants and projects; undefined for an unknown user. */
  async memberships(db: Database, login: string): Promise<MembershipRows | undefined> {
    const [user] = await db.select({ adminRole: users.adminRole }).from(users).where(eq(users.login, login));
    if (user === undefined) return undefined;
    const tenants = await db
      .select({ tenant: tenantMembers.tenant, role: tenantMembers.role })
      .from(tenantMembers)
      .where(eq(tenantMembers.member, login));
    const reachable = await db
      .select({ project: projects.id, tenant: projects.tenant, role: projectMembers.role })
      .from(projects)
      .leftJoin(projectMembers, sql`${projectMembers.project} = ${projects.id} and ${projectMembers.member} = ${login}`)
      .leftJoin(tenantMembers, sql`${tenantMembers.tenant} = ${projects.tenant} and ${tenantMembers.member} = ${login}`)
      .where(or(eq(projectMembers.member, login), eq(tenantMembers.member, login)));
    return { adminRole: user.adminRole, tenants, projects: reachable };
  },
};
