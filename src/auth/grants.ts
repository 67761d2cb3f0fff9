import type { Grants } from "../caller.js";
import { adminRoles, projectRoles, tenantRoles } from "../resources/api/roles.js";
import type { TokenRow } from "../resources/api/token/store.js";

/** What a stored token grants. */
export function grantsOf(token: TokenRow): Grants {
  return {
    adminRole: token.adminRole === null ? undefined : adminRoles[token.adminRole],
    projectRoles: new Map(Object.entries(token.projectRoles).map(([subject, role]) => [subject, projectRoles[role]])),
    tenantRoles: new Map(Object.entries(token.tenantRoles).map(([subject, role]) => [subject, tenantRoles[role]])),
    permissions: new Map(Object.entries(token.permissions)),
  };
}
