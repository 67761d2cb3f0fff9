import type { ProjectRole, TenantRole } from "../../../../gen/ts/api/v1/common_pb.js";
import type { MethodPermission, Token } from "../../../../gen/ts/api/v1/token_pb.js";
import { everySubject, type Subject } from "./subjects.js";

/** What a token gives, as it is edited. */
export interface Grants {
  readonly permissions: ReadonlyMap<string, ReadonlySet<string>>;
  readonly projectRoles: Readonly<Record<string, ProjectRole>>;
  readonly tenantRoles: Readonly<Record<string, TenantRole>>;
}

/** A token that may do nothing yet. */
export const noGrants: Grants = { permissions: new Map(), projectRoles: {}, tenantRoles: {} };

/** What a token gives now. */
export function grantsOf({ permissions, projectRoles, tenantRoles }: Token): Grants {
  return {
    permissions: new Map(permissions.map(({ subject, methods }) => [subject, new Set(methods)])),
    projectRoles,
    tenantRoles,
  };
}

/** The permissions for a request. */
export function permissionsOf({ permissions }: Grants): Pick<MethodPermission, "subject" | "methods">[] {
  return [...permissions]
    .filter(([, methods]) => methods.size > 0)
    .map(([subject, methods]) => ({ subject, methods: [...methods].sort() }));
}

/** With or without methods on a subject. */
export function withMethods(grants: Grants, subject: string, methods: readonly string[], on: boolean): Grants {
  const next = new Set(grants.permissions.get(subject));
  for (const method of methods) {
    if (on) next.add(method);
    else next.delete(method);
  }
  return { ...grants, permissions: new Map([...grants.permissions, [subject, next]]) };
}

/** The role on a subject; 0 for none. */
export function roleOn({ projectRoles, tenantRoles }: Grants, { id, kind }: Subject): number {
  if (kind === "project") return projectRoles[id] ?? 0;
  if (kind === "tenant") return tenantRoles[id] ?? 0;
  return projectRoles[id] ?? tenantRoles[id] ?? 0;
}

/** With another role on a subject, or none. A role on all is one in projects and tenants. */
export function withRole(grants: Grants, { id, kind }: Subject, role: number): Grants {
  const set = <Role extends number>(roles: Readonly<Record<string, Role>>): Record<string, Role> => {
    const { [id]: _, ...others } = roles;
    return (role === 0 ? others : { ...others, [id]: role }) as Record<string, Role>;
  };
  return {
    ...grants,
    projectRoles: kind === "tenant" ? grants.projectRoles : set(grants.projectRoles),
    tenantRoles: kind === "project" ? grants.tenantRoles : set(grants.tenantRoles),
  };
}

/** Roles for a request that makes a token: one on all is given in another field. */
export function rolesForCreate({ projectRoles, tenantRoles }: Grants) {
  const { [everySubject]: every = 0, ...inProjects } = projectRoles;
  const { [everySubject]: _, ...inTenants } = tenantRoles;
  const name = (["", "owner", "editor", "viewer"] as const)[every];
  return {
    projectRoles: inProjects,
    tenantRoles: inTenants,
    roles: name === undefined || name === "" ? [] : [{ subject: everySubject, role: name }],
  };
}

/** How much a token gives, in words. */
export function grantsText({ permissions, projectRoles, tenantRoles }: Token): string {
  const methods = permissions.reduce((sum, each) => sum + each.methods.length, 0);
  const roles = new Set([...Object.keys(projectRoles), ...Object.keys(tenantRoles)]).size;
  const parts = [
    roles === 0 ? undefined : `${roles} ${roles === 1 ? "role" : "roles"}`,
    methods === 0 ? undefined : `${methods} ${methods === 1 ? "method" : "methods"}`,
  ].filter(Boolean);
  return parts.join(", ") || "Nothing";
}

/** Whether a token would give anything. */
export function isEmpty({ permissions, projectRoles, tenantRoles }: Grants): boolean {
  const roles = Object.keys(projectRoles).length + Object.keys(tenantRoles).length;
  return roles === 0 && [...permissions.values()].every(({ size }) => size === 0);
}
