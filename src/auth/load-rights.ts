import type { Rights } from "../caller.js";
import type { Database } from "../db/database.js";
import { adminRoles, projectRoles, tenantRoles } from "../resources/api/roles.js";
import { type BindingRights, type MembershipRows, principalStore } from "../resources/iam/principal/store.js";
import { deploymentSubject, environmentSubject, type MethodRules, rightsOf } from "./rights.js";

/** What an enabled principal may do now, and the teams that it shares rights with. */
export interface PrincipalRights {
  readonly rights: Rights;
  readonly teams: readonly string[];
}

/** Reads what a principal may do now; undefined for an unknown or disabled one. */
export async function loadRights(
  db: Database,
  principal: string,
  rules: Pick<MethodRules, "expand">,
): Promise<PrincipalRights | undefined> {
  const rows = await principalStore.memberships(db, principal);
  if (rows === undefined || !rows.enabled) return undefined;
  return { rights: rightsFromRows(rows, rules), teams: rows.teams };
}

function rightsFromRows(rows: MembershipRows, rules: Pick<MethodRules, "expand">): Rights {
  return rightsOf(
    {
      adminRole: rows.adminRole === null ? undefined : adminRoles[rows.adminRole],
      tenants: rows.tenants.map(({ tenant, role }) => ({ tenant, role: tenantRoles[role] })),
      projects: rows.projects.map(({ project, tenant, role }) => ({
        project,
        tenant,
        role: role === null ? undefined : projectRoles[role],
      })),
      bindings: rows.bindings.map((row) => ({
        tenant: row.tenant ?? undefined,
        subject: subjectOf(row),
        role: row.builtInRole === null || row.builtInRole === "guest" ? undefined : projectRoles[row.builtInRole],
        permissions: row.permissions ?? [],
      })),
    },
    rules,
  );
}

function subjectOf({ scope, tenant, project, subject }: BindingRights): string {
  if (scope === "environment") return environmentSubject(project ?? "", subject ?? "");
  if (scope === "deployment") return deploymentSubject(project ?? "", subject ?? "");
  return project ?? tenant ?? "";
}
