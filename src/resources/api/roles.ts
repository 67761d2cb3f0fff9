import { AdminRole, ProjectRole, TenantRole } from "../../../gen/ts/api/v1/common_pb.js";

/** How roles are written in the database. */
export type AdminRoleName = "editor" | "viewer";
export type ProjectRoleName = "owner" | "editor" | "viewer";
export type TenantRoleName = ProjectRoleName | "guest";

/** Role names to the numbers of the API; a lower number is the stronger role. */
export const adminRoles = { editor: AdminRole.EDITOR, viewer: AdminRole.VIEWER } as const;
export const projectRoles = {
  owner: ProjectRole.OWNER,
  editor: ProjectRole.EDITOR,
  viewer: ProjectRole.VIEWER,
} as const;
export const tenantRoles = {
  owner: TenantRole.OWNER,
  editor: TenantRole.EDITOR,
  viewer: TenantRole.VIEWER,
  guest: TenantRole.GUEST,
} as const;

/** The database name of an admin role; undefined for UNSPECIFIED. */
export function adminRoleName(role: AdminRole | undefined): AdminRoleName | undefined {
  return role === AdminRole.EDITOR ? "editor" : role === AdminRole.VIEWER ? "viewer" : undefined;
}

/** The database name of a project role; undefined for UNSPECIFIED. */
export function projectRoleName(role: ProjectRole): ProjectRoleName | undefined {
  return nameOf(projectRoles, role);
}

/** The database name of a tenant role; undefined for UNSPECIFIED. */
export function tenantRoleName(role: TenantRole): TenantRoleName | undefined {
  return nameOf(tenantRoles, role);
}

function nameOf<Name extends string>(names: Readonly<Record<Name, number>>, role: number): Name | undefined {
  return (Object.keys(names) as Name[]).find((name) => names[name] === role);
}
