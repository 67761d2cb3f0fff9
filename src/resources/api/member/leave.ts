import { and, eq, inArray, or } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { roleBindings } from "../../iam/access/table.js";
import { principals, teamMembers } from "../../iam/principal/table.js";
import { projects } from "../project/table.js";
import { memberStore } from "./store.js";

/**
 * Takes a principal out of a tenant with all that it holds there: its membership, its roles in the tenant and its
 * projects, and its place in the tenant's teams. False when it held nothing; throws what `removeTenantMember` throws.
 */
export async function leaveTenant(
  db: Database,
  { tenant, member }: { readonly tenant: string; readonly member: string },
): Promise<boolean> {
  return await db.transaction(async (tx) => {
    const wasMember = await memberStore.removeTenantMember(tx, { tenant, member });
    const inside = tx.select({ id: projects.id }).from(projects).where(eq(projects.tenant, tenant));
    const roles = await tx
      .delete(roleBindings)
      .where(
        and(
          eq(roleBindings.principal, member),
          or(eq(roleBindings.tenant, tenant), inArray(roleBindings.project, inside)),
        ),
      )
      .returning({ id: roleBindings.id });
    const teamsOf = tx.select({ id: principals.id }).from(principals).where(eq(principals.tenant, tenant));
    const teams = await tx
      .delete(teamMembers)
      .where(and(eq(teamMembers.member, member), inArray(teamMembers.team, teamsOf)))
      .returning({ team: teamMembers.team });
    return wasMember || roles.length > 0 || teams.length > 0;
  });
}

/** Takes a principal out of a project, with its roles in it; what it has by the tenant or by teams stays. */
export async function leaveProject(
  db: Database,
  { project, member }: { readonly project: string; readonly member: string },
): Promise<boolean> {
  return await db.transaction(async (tx) => {
    const wasMember = await memberStore.removeProjectMember(tx, { project, member });
    const roles = await tx
      .delete(roleBindings)
      .where(and(eq(roleBindings.principal, member), eq(roleBindings.project, project)))
      .returning({ id: roleBindings.id });
    return wasMember || roles.length > 0;
  });
}
