import { AdminRole, ProjectRole, TenantRole } from "../../gen/ts/api/v1/common_pb.js";
import type { Grants, Rights } from "../caller.js";

/** A subject that stands for every subject the owner has. */
export const everySubject = "*";

/** Under which subject the rights in an environment of a project are kept. */
export const environmentSubject = (project: string, environment: string): string =>
  `${project}/environments/${environment}`;

/** Under which subject the rights in a deployment of a project are kept. */
export const deploymentSubject = (project: string, deployment: string): string =>
  `${project}/deployments/${deployment}`;

/** What the rights rules need to know of the contract's methods. */
export interface MethodRules {
  /** The methods that a permission's dotted name stands for; none for an unknown name. */
  expand(permission: string): ReadonlySet<string>;
  /** Whether one of these roles, held in the right subject, suffices for the method. */
  admits(
    method: string,
    roles: { readonly project: ProjectRole | undefined; readonly tenant: TenantRole | undefined },
  ): boolean;
}

/** A principal's memberships as stored, before inheritance. */
export interface Memberships {
  readonly adminRole: AdminRole | undefined;
  /** A tenant may be there several times: by itself and by teams. */
  readonly tenants: readonly { readonly tenant: string; readonly role: TenantRole }[];
  /** Projects that it is a direct member of, or whose tenant it belongs to; likewise. */
  readonly projects: readonly {
    readonly project: string;
    readonly tenant: string;
    readonly role: ProjectRole | undefined;
  }[];
  /** Roles in environments and deployments, and custom roles. */
  readonly bindings: readonly {
    /** The tenant, if the role is held in one. */
    readonly tenant: string | undefined;
    /** The project, environment or deployment otherwise. */
    readonly subject: string;
    /** A built-in role in an environment or deployment. */
    readonly role: ProjectRole | undefined;
    /** Dotted names. */
    readonly permissions: readonly string[];
  }[];
}

/**
 * What a principal may do now. The role in a project is the stronger of the
 * direct one and the one inherited from the tenant; whoever has only a project is
 * a guest of its tenant. What a custom role gives in a tenant holds in its
 * projects, too.
 */
export function rightsOf(memberships: Memberships, rules: Pick<MethodRules, "expand">): Rights {
  const { adminRole, tenants, projects } = memberships;
  const tenantRoles = new Map<string, TenantRole>();
  const projectRoles = new Map<string, ProjectRole>();
  for (const { tenant, role } of tenants) putStronger(tenantRoles, tenant, role);
  for (const { project, tenant, role } of projects) {
    putStronger(projectRoles, project, role);
    putStronger(projectRoles, project, inheritedRole(tenantRoles.get(tenant)));
  }
  for (const { project, tenant } of projects) {
    if (projectRoles.has(project) && !tenantRoles.has(tenant)) tenantRoles.set(tenant, TenantRole.GUEST);
  }
  return { adminRole, tenantRoles, projectRoles, ...boundRights(memberships, rules) };
}

function boundRights(
  { projects, bindings }: Memberships,
  rules: Pick<MethodRules, "expand">,
): Pick<Rights, "partRoles" | "projectMethods" | "tenantMethods"> {
  const partRoles = new Map<string, ProjectRole>();
  const projectMethods = new Map<string, ReadonlySet<string>>();
  const tenantMethods = new Map<string, ReadonlySet<string>>();
  for (const { tenant, subject, role, permissions } of bindings) {
    const given = new Set(permissions.flatMap((permission) => [...rules.expand(permission)]));
    if (tenant === undefined) {
      putStronger(partRoles, subject, role);
      addAll(projectMethods, subject, given);
      continue;
    }
    addAll(tenantMethods, tenant, given);
    const inside = new Set(projects.filter((row) => row.tenant === tenant).map(({ project }) => project));
    for (const project of inside) addAll(projectMethods, project, given);
  }
  return { partRoles, projectMethods, tenantMethods };
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

/**
 * Cuts what a token grants to what its owner may do now: never more than either
 * of the two. Methods that the owner has by a custom role go with a granted role
 * that admits them there.
 */
export function cutToOwner(grants: Grants, owner: Rights, rules: Pick<MethodRules, "admits">): Rights {
  const { projectRoles, tenantRoles } = grants;
  return {
    adminRole: weakest(grants.adminRole, owner.adminRole),
    projectRoles: cutRoles(projectRoles, owner.projectRoles),
    tenantRoles: cutRoles(tenantRoles, owner.tenantRoles),
    partRoles: cutRoles(projectRoles, owner.partRoles),
    projectMethods: cutMethods(projectRoles, owner.projectMethods, (method, project) =>
      rules.admits(method, { project, tenant: undefined }),
    ),
    tenantMethods: cutMethods(tenantRoles, owner.tenantMethods, (method, tenant) =>
      rules.admits(method, { project: undefined, tenant }),
    ),
  };
}

/** The methods that a token permits by subject, with "*" written out. */
export function expandPermissions(
  permissions: ReadonlyMap<string, readonly string[]>,
  owner: Rights,
): ReadonlyMap<string, ReadonlySet<string>> {
  const expanded = new Map<string, ReadonlySet<string>>();
  for (const [subject, methods] of permissions) {
    const permitted = new Set(methods);
    if (subject !== everySubject) addAll(expanded, subject, permitted);
    else for (const own of subjectsOf(owner)) addAll(expanded, own, permitted);
  }
  return expanded;
}

/**
 * The first of the wanted rights that the holder lacks, in words; undefined when
 * all are covered. An admin editor covers everything.
 */
export function firstBeyond(wanted: Rights, holder: Rights): string | undefined {
  if (wanted.adminRole && !atLeast(holder.adminRole, wanted.adminRole)) return "the admin role";
  if (isAdminEditor(holder)) return undefined;
  for (const [subject, role] of [...wanted.projectRoles, ...wanted.partRoles]) {
    if (!atLeast(roleInProject(holder, subject), role))
      return `the role ${name(ProjectRole[role])} in project ${subject}`;
  }
  for (const [subject, role] of wanted.tenantRoles) {
    if (!atLeast(holder.tenantRoles.get(subject), role)) {
      return `the role ${name(TenantRole[role])} in tenant ${subject}`;
    }
  }
  return firstMethodBeyond(wanted, holder);
}

function firstMethodBeyond(wanted: Rights, holder: Rights): string | undefined {
  for (const [subject, methods] of wanted.projectMethods) {
    if (roleInProject(holder, subject) === ProjectRole.OWNER) continue;
    const held = [holder.projectMethods.get(subject), holder.projectMethods.get(projectOf(subject))];
    const missing = [...methods].find((method) => !held.some((some) => some?.has(method)));
    if (missing !== undefined) return `the method ${missing} in project ${subject}`;
  }
  for (const [tenant, methods] of wanted.tenantMethods) {
    if (holder.tenantRoles.get(tenant) === TenantRole.OWNER) continue;
    const held = holder.tenantMethods.get(tenant);
    const missing = [...methods].find((method) => !held?.has(method));
    if (missing !== undefined) return `the method ${missing} in tenant ${tenant}`;
  }
  return undefined;
}

/** The built-in role in a project, or in an environment or deployment of one: there the project's counts, too. */
export function roleInProject(rights: Rights, subject: string): ProjectRole | undefined {
  return strongest(rights.partRoles.get(subject), rights.projectRoles.get(projectOf(subject)));
}

/** Whether a role that is held suffices for the one that is wanted. */
export function atLeast(held: number | undefined, wanted: number): boolean {
  return held !== undefined && held !== 0 && held <= wanted;
}

/** Whether these rights are those of an operator who may do everything. */
export function isAdminEditor({ adminRole }: Rights): boolean {
  return adminRole === AdminRole.EDITOR;
}

/** The project of a subject: itself, or that of its environment or deployment. */
export function projectOf(subject: string): string {
  const end = subject.indexOf("/");
  return end === -1 ? subject : subject.slice(0, end);
}

/** What a call names that is about a project, or about what `environmentSubject` and `deploymentSubject` name. */
export function aboutSubject(subject: string): {
  readonly project: string;
  readonly environment?: string;
  readonly deployment?: string;
} {
  const [project = "", kind, id] = subject.split("/");
  if (kind === "environments" && id !== undefined) return { project, environment: id };
  if (kind === "deployments" && id !== undefined) return { project, deployment: id };
  return { project: subject };
}

const name = (role: string | undefined): string => role?.toLowerCase() ?? "";

function subjectsOf(rights: Rights): Set<string> {
  const { projectRoles, tenantRoles, partRoles, projectMethods, tenantMethods } = rights;
  return new Set(
    [projectRoles, tenantRoles, partRoles, projectMethods, tenantMethods].flatMap((held) => [...held.keys()]),
  );
}

// Sets are shared and never changed: a role in a tenant gives the same methods in each of its projects.
function addAll(to: Map<string, ReadonlySet<string>>, subject: string, methods: ReadonlySet<string>): void {
  if (methods.size === 0) return;
  const known = to.get(subject);
  to.set(subject, known === undefined ? methods : new Set([...known, ...methods]));
}

function putStronger<Role extends number>(to: Map<string, Role>, subject: string, role: Role | undefined): void {
  const stronger = strongest(to.get(subject), role);
  if (stronger !== undefined) to.set(subject, stronger);
}

/** The role that a token grants in a subject: by its name, that of its project, or "*". */
function grantedRole<Role extends number>(granted: ReadonlyMap<string, Role>, subject: string): Role | undefined {
  const named = strongest(granted.get(subject), granted.get(projectOf(subject)));
  return strongest(named, granted.get(everySubject));
}

function cutRoles<Role extends number>(
  granted: ReadonlyMap<string, Role>,
  owned: ReadonlyMap<string, Role>,
): ReadonlyMap<string, Role> {
  if (granted.size === 0) return granted;
  const cut = new Map<string, Role>();
  for (const [subject, ownerRole] of owned) {
    const role = weakest(grantedRole(granted, subject), ownerRole);
    if (role !== undefined) cut.set(subject, role);
  }
  return cut;
}

function cutMethods<Role extends number>(
  granted: ReadonlyMap<string, Role>,
  owned: ReadonlyMap<string, ReadonlySet<string>>,
  admits: (method: string, role: Role) => boolean,
): ReadonlyMap<string, ReadonlySet<string>> {
  const cut = new Map<string, ReadonlySet<string>>();
  for (const [subject, methods] of owned) {
    const role = grantedRole(granted, subject);
    if (role === undefined) continue;
    const kept = [...methods].filter((method) => admits(method, role));
    if (kept.length > 0) cut.set(subject, new Set(kept));
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
