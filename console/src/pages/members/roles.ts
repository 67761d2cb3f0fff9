import { ProjectRole, TenantRole } from "../../../../gen/ts/api/v1/common_pb.js";
import type { Tone } from "../../kit/status-badge.js";

/** A role that can be given. */
export interface RoleChoice {
  readonly value: number;
  readonly label: string;
  readonly hint: string;
}

/** What can be given in a project, the strongest first. */
export const projectRoles: readonly RoleChoice[] = [
  { value: ProjectRole.OWNER, label: "Owner", hint: "Everything, also members and the end of the project" },
  { value: ProjectRole.EDITOR, label: "Editor", hint: "Creates, changes and deletes what is in the project" },
  { value: ProjectRole.VIEWER, label: "Viewer", hint: "Reads what is in the project, credentials excepted" },
];

/** What can be given in a tenant, the strongest first; guests come by projects. */
export const tenantRoles: readonly RoleChoice[] = [
  { value: TenantRole.OWNER, label: "Owner", hint: "Everything, also members, payment and the audit log" },
  { value: TenantRole.EDITOR, label: "Editor", hint: "Changes the tenant and creates projects" },
  { value: TenantRole.VIEWER, label: "Viewer", hint: "Reads the tenant and its projects" },
];

/** The word for a role. */
export function roleText(roles: readonly RoleChoice[], role: number): string {
  return roles.find(({ value }) => value === role)?.label ?? (role === TenantRole.GUEST ? "Guest" : "No role");
}

/** How a role is colored: by what it may do. */
export function roleTone(role: number): Tone {
  return role === 1 ? "good" : "quiet";
}
