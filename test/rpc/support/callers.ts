import { AdminRole, ProjectRole, TenantRole } from "../../../gen/ts/api/v1/common_pb.js";
import type { Caller, Rights } from "../../../src/caller.js";
import { DomainError } from "../../../src/errors.js";

export const project = "0195c0de-0000-7000-8000-000000000001";
export const otherProject = "0195c0de-0000-7000-8000-000000000002";
export const tenant = "acme";
export const cluster = "0195c0de-0000-7000-8000-00000000000c";

export function rights(of: Partial<Rights> = {}): Rights {
  const roles = { adminRole: undefined, projectRoles: new Map(), tenantRoles: new Map(), partRoles: new Map() };
  return { ...roles, projectMethods: new Map(), tenantMethods: new Map(), ...of };
}

function caller(user: string, granted: Rights): Caller {
  return {
    user,
    teams: [],
    grants: undefined,
    tokenId: `token-of-${user}`,
    tokenType: "api",
    expiresAt: new Date("2100-01-01"),
    granted,
    owner: granted,
    permissions: new Map(),
  };
}

function member(user: string, projectRole: ProjectRole, tenantRole: TenantRole): Caller {
  const projectRoles = new Map([[project, projectRole]]);
  return caller(user, rights({ projectRoles, tenantRoles: new Map([[tenant, tenantRole]]) }));
}

const callers: Record<string, Caller> = {
  owner: member("olga", ProjectRole.OWNER, TenantRole.OWNER),
  viewer: member("vera", ProjectRole.VIEWER, TenantRole.VIEWER),
  stranger: caller("sam", rights()),
  admin: caller("ada", rights({ adminRole: AdminRole.EDITOR })),
  adminViewer: caller("anton", rights({ adminRole: AdminRole.VIEWER })),
};

/** The tokens of the tests are the names of their callers. */
export async function authenticate(token: string): Promise<Caller> {
  const found = callers[token];
  if (found === undefined) throw new DomainError("unauthenticated", "the token does not hold");
  return found;
}

/** The headers of a caller. */
export function as(name: string): { headers: Record<string, string> } {
  return { headers: { authorization: `Bearer ${name}` } };
}
