import type { ProjectRole, TenantRole } from "../../../../gen/ts/api/v1/common_pb.js";
import { atLeast, isAdminEditor } from "../../../auth/rights.js";
import type { Caller, Rights } from "../../../caller.js";
import { DomainError, invalidField } from "../../../errors.js";
import {
  type ProjectRoleName,
  projectRoleName,
  projectRoles,
  type TenantRoleName,
  tenantRoleName,
  tenantRoles,
} from "../roles.js";

/** A role in a tenant or in a project. */
export type RoleIn =
  | { readonly tenant: string; readonly project: null; readonly role: TenantRoleName }
  | { readonly tenant: null; readonly project: string; readonly role: ProjectRoleName };

/** Whether somebody may give that role: it is no more than they hold there, or they are an admin editor. */
export function mayGive(rights: Rights, given: RoleIn): boolean {
  if (isAdminEditor(rights)) return true;
  return given.project === null
    ? atLeast(rights.tenantRoles.get(given.tenant), tenantRoles[given.role])
    : atLeast(rights.projectRoles.get(given.project), projectRoles[given.role]);
}

/** Refuses a role that goes beyond what the calling token itself grants there; answers it otherwise. */
export function demandGivable<Given extends RoleIn>(caller: Caller, given: Given): Given {
  if (mayGive(caller.granted, given)) return given;
  throw new DomainError("denied", `the role ${given.role} goes beyond what the calling token grants there`);
}

/** A tenant role that a request names; UNSPECIFIED is none. */
export function askedTenantRole(role: TenantRole): TenantRoleName {
  return tenantRoleName(role) ?? unspecified();
}

/** A project role that a request names; UNSPECIFIED is none. */
export function askedProjectRole(role: ProjectRole): ProjectRoleName {
  return projectRoleName(role) ?? unspecified();
}

function unspecified(): never {
  throw invalidField("role", "must be specified");
}
