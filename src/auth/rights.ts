import { type AdminRole, ProjectRole, TenantRole } from "../../gen/ts/api/v1/common_pb.js";
import type { Rights } from "../caller.js";

/** A subject that stands for every subject the owner has. */
export const everySubject = "*";

/** A user's memberships as stored, before inheritance. */
export interface Memberships {
  readonly adminRole: AdminRole | undefined;
  readonly tenants: readonly { readonly tenant: string; readonly role: TenantRole }[];
  /** Projects that the user is a direct member of, or whose tenant the user belongs to; a project may be there twice. */
  readonly projects: readonly {
    readonly project: string;
    readonly tenant: string;
    readonly role: ProjectRole | undefined;
  }[];
}

/**
 * What a user may do now. The role in a project is the stronger of the direct
 * one and the one inherited from the tenant; whoever has only a project is a
 * guest of its tenant.
 */
export function rightsOf(memberships: Memberships): Rights {
  const tenantRoles = new Map<string, TenantRole>();
  for (const { tenant, role } of memberships.tenants) tenantRoles.set(tenant, role);
  const projectRoles = new Map<string, ProjectRole>();
  for (const { project, tenant, role } of memberships.projects) {
    const effective = strongest(projectRoles.get(project), strongest(role, inheritedRole(tenantRoles.get(tenant))));
    if (effective !== undefined) projectRoles.set(project, effective);
  }
  for (const { project, tenant } of memberships.projects) {
    if (projectRoles.has(project) && !tenantRoles.has(tenant)) tenantRoles.set(tenant, TenantRole.GUEST);
  }
  return { adminRole: memberships.adminRole, tenantRoles, projectRoles };
}

/** The project role that a member of the project's tenant has by that; guests have none. */
export function inheritedRole(role: TenantRole | undefined): ProjectRole | undefined {
  switch (role) {
    case TenantRole.OWNER:
      return ProjectRole.OWNER;
    case TenantRole.EDITOR:
      return ProjectRole.EDITOR;
    case TenantRole.VIEWER:
      return ProjectRole.VIEWER;
    default:
      return undefined;
  }
}

/** What a token grants: role by subject ("*" for every subject of the owner), methods by subject. */
export interface Grants {
  readonly adminRole: AdminRole | undefined;
  readonly projectRoles: ReadonlyMap<string, ProjectRole>;
  readonly tenantRoles: ReadonlyMap<string, TenantRole>;
  readonly permissions: ReadonlyMap<string, readonly string[]>;
}

/** Cuts what a token grants to what its owner may do now: never more than either of the two. */
export function cutToOwner(grants: Grants, owner: Rights): Rights {
  return {
    adminRole: weakest(grants.adminRole, owner.adminRole),
    projectRoles: cutRoles(grants.projectRoles, owner.projectRoles),
    tenantRoles: cutRoles(grants.tenantRoles, owner.tenantRoles),
  };
}

/** The methods that a token permits by subject, with "*" written out. */
export function expandPermissions(
  permissions: ReadonlyMap<string, readonly string[]>,
  owner: Rights,
): ReadonlyMap<string, ReadonlySet<string>> {
  const expanded = new Map<string, Set<string>>();
  const add = (subject: string, methods: readonly string[]): void => {
    const known = expanded.get(subject) ?? new Set();
    for (const method of methods) known.add(method);
    expanded.set(subject, known);
  };
  for (const [subject, methods] of permissions) {
    if (subject !== everySubject) add(subject, methods);
    else for (const own of [...owner.projectRoles.keys(), ...owner.tenantRoles.keys()]) add(own, methods);
  }
  return expanded;
}

function cutRoles<Role extends number>(
  granted: ReadonlyMap<string, Role>,
  owned: ReadonlyMap<string, Role>,
): ReadonlyMap<string, Role> {
  if (granted.size === 0) return granted;
  const everywhere = granted.get(everySubject);
  const cut = new Map<string, Role>();
  for (const [subject, ownerRole] of owned) {
    const role = weakest(strongest(granted.get(subject), everywhere), ownerRole);
    if (role !== undefined) cut.set(subject, role);
  }
  return cut;
}

// Roles are numbered from the strongest (1) to the weakest; 0 (unspecified) is no role.
function strongest<Role extends number>(a: Role | undefined, b: Role | undefined): Role | undefined {
  if (!a) return b || undefined;
  if (!b) return a;
  return a < b ? a : b;
}

function weakest<Role extends number>(a: Role | undefined, b: Role | undefined): Role | undefined {
  if (!a || !b) return undefined;
  return a > b ? a : b;
}
