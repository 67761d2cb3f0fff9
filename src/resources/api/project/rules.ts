import type { ProjectServiceUpdateRequest } from "../../../../gen/ts/api/v1/project_pb.js";
import type { Rights } from "../../../caller.js";
import { DomainError } from "../../../errors.js";
import { tenantRoles } from "../roles.js";
import { checkedPicture } from "../tenant/fields.js";
import { isUuid } from "../uuid.js";
import type { ProjectChanges, ProjectRow } from "./store.js";

const getProject = "/api.v1.ProjectService/Get";

/** The row; or NOT_FOUND. */
export function found(row: ProjectRow | undefined, project: string): ProjectRow {
  if (row === undefined) throw new DomainError("missing", `project ${project} does not exist`);
  return row;
}

/** The uuids of the projects that somebody can see: by a role, or by a custom role that lets them. */
export function visibleProjects({ projectRoles, projectMethods }: Rights): string[] {
  const byMethod = [...projectMethods].filter(([, methods]) => methods.has(getProject)).map(([subject]) => subject);
  // Methods are also held in environments and deployments, which have other names.
  return [...new Set([...projectRoles.keys(), ...byMethod])].filter(isUuid);
}

/** Whether somebody may see who belongs to the tenant of a project: operators and its members, guests not. */
export function seesTenantMembers(owner: Rights, granted: Rights, tenant: string): boolean {
  const role = owner.tenantRoles.get(tenant);
  return granted.adminRole !== undefined || (role !== undefined && role !== tenantRoles.guest);
}

/** The picture as it is stored; empty means none. */
export function askedPicture(url: string | undefined): string | null {
  return url === undefined || url === "" ? null : checkedPicture("avatar_url", url);
}

/** What an update asks for. */
export function askedChanges({ name, description, avatarUrl }: ProjectServiceUpdateRequest): ProjectChanges {
  return {
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(avatarUrl === undefined ? {} : { avatarUrl: askedPicture(avatarUrl) }),
  };
}
