import { isDeepStrictEqual } from "node:util";
import type { MethodPermission, TokenServiceCreateRequest } from "../../../../gen/ts/api/v1/token_pb.js";
import { grantsOf } from "../../../auth/grants.js";
import { atLeast, everySubject, roleInProject } from "../../../auth/rights.js";
import type { Caller } from "../../../caller.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { Methods } from "../../../platform.js";
import {
  type AdminRoleName,
  adminRoleName,
  adminRoles,
  type ProjectRoleName,
  projectRoleName,
  projectRoles,
  type TenantRoleName,
  tenantRoleName,
  tenantRoles,
} from "../roles.js";
import type { TokenRow } from "./store.js";

/** What a token is asked to grant, or grants. */
export type TokenGrants = Pick<TokenRow, "permissions" | "projectRoles" | "tenantRoles" | "adminRole">;

/** The fields of a request that say what a token shall grant; an update has no older list of roles. */
export type GrantsRequest = Pick<TokenServiceCreateRequest, "permissions" | "projectRoles" | "tenantRoles"> &
  Partial<Pick<TokenServiceCreateRequest, "adminRole" | "roles">>;

const longestSubject = 256;
/** Of the subjects of roles, as Create's rules in the contract have it. */
const roleSubject = { shortest: 3, longest: 128 };
const longestEcho = 100;
const mostPermissions = 1_000;

/** Reads what a request asks for, from the newer fields and from the older list of roles. */
export function askedGrants(request: GrantsRequest, caller: Caller): TokenGrants {
  const asked = {
    permissions: askedPermissions(request.permissions),
    projectRoles: askedRoles("project_roles", request.projectRoles, projectRoleName),
    tenantRoles: askedRoles("tenant_roles", request.tenantRoles, tenantRoleName),
  };
  let adminRole: AdminRoleName | undefined = adminRoleName(request.adminRole);
  for (const { subject, role } of request.roles ?? []) {
    if (role === "admin") {
      adminRole = "editor";
      continue;
    }
    const name = role as ProjectRoleName & TenantRoleName;
    if (subject === everySubject || caller.owner.projectRoles.has(subject)) asked.projectRoles[subject] = name;
    if (subject === everySubject || !caller.owner.projectRoles.has(subject)) asked.tenantRoles[subject] = name;
  }
  return { ...asked, adminRole: adminRole ?? null };
}

/** Role names by subject, each fit to be one. */
function askedRoles<Role, Name extends string>(
  field: string,
  roles: Readonly<Record<string, Role>>,
  nameOf: (role: Role) => Name | undefined,
): Record<string, Name> {
  const entries = Object.entries(roles);
  if (entries.length > mostPermissions) throw invalidField(field, `must be at most ${mostPermissions} entries`);
  const { shortest, longest } = roleSubject;
  const named = entries.map(([subject, role]) => {
    if (subject !== everySubject && (subject.length < shortest || subject.length > longest)) {
      throw invalidField(field, `each subject must be ${shortest} to ${longest} characters long, or *`);
    }
    const name = nameOf(role);
    if (name === undefined) throw invalidField(field, "each role must be specified");
    return [subject, name] as const;
  });
  return Object.fromEntries(named) as Record<string, Name>;
}

/** Methods by subject, each once; a subject without methods gives nothing and is left out. */
function askedPermissions(permissions: readonly MethodPermission[]): TokenGrants["permissions"] {
  if (permissions.length > mostPermissions) {
    throw invalidField("permissions", `must be at most ${mostPermissions} entries`);
  }
  const asked = new Map<string, Set<string>>();
  for (const [i, { subject, methods }] of permissions.entries()) {
    if (subject === "" || subject.length > longestSubject) {
      throw invalidField(`permissions[${i}].subject`, `must be 1 to ${longestSubject} characters long`);
    }
    if (methods.length > 0) asked.set(subject, new Set([...(asked.get(subject) ?? []), ...methods]));
  }
  return Object.fromEntries([...asked].map(([subject, methods]) => [subject, [...methods]]));
}

/** Refuses what goes beyond the calling token, or its owner's present rights. */
export function refuseEscalation(asked: TokenGrants, caller: Caller, methods: Methods): void {
  const { granted, grants } = caller;
  // A token that carries all is worth what its owner may do, everywhere and at any time.
  const everywhere = {
    project: grants === undefined ? projectRoles.owner : grants.projectRoles.get(everySubject),
    tenant: grants === undefined ? tenantRoles.owner : grants.tenantRoles.get(everySubject),
  };
  const inProject = (subject: string) =>
    subject === everySubject ? everywhere.project : roleInProject(granted, subject);
  const inTenant = (subject: string) =>
    subject === everySubject ? everywhere.tenant : granted.tenantRoles.get(subject);
  for (const [subject, role] of Object.entries(asked.projectRoles)) {
    if (!atLeast(inProject(subject), projectRoles[role])) throw beyond(`the role ${role} in project ${subject}`);
  }
  for (const [subject, role] of Object.entries(asked.tenantRoles)) {
    if (!atLeast(inTenant(subject), tenantRoles[role])) throw beyond(`the role ${role} in tenant ${subject}`);
  }
  if (asked.adminRole !== null && !atLeast(granted.adminRole, adminRoles[asked.adminRole])) {
    throw beyond(`the admin role ${asked.adminRole}`);
  }
  const mayEverywhere = (method: string) =>
    grants === undefined ||
    grants.permissions.get(everySubject)?.includes(method) === true ||
    methods.admits(method, everywhere);
  for (const [subject, names] of Object.entries(asked.permissions)) {
    for (const method of names) {
      if (methods.may(caller, method, subject) || (subject === everySubject && mayEverywhere(method))) continue;
      throw beyond(`the method ${method} on ${subject}`);
    }
  }
}

const beyond = (what: string): DomainError =>
  new DomainError("denied", `${what} goes beyond what the calling token may do`);

/** Refuses permissions for methods that do not exist. */
export function refuseUnknownMethods(asked: TokenGrants, methods: ReadonlySet<string>): void {
  for (const method of Object.values(asked.permissions).flat()) {
    if (methods.has(method)) continue;
    throw invalidField("permissions", `there is no method ${JSON.stringify(method.slice(0, longestEcho))}`);
  }
}

/**
 * Refuses to go on when the calling token was revoked ("unauthenticated") or changed ("conflict") after it
 * was judged; `held` is its row, locked. An API key has none.
 */
export function demandUnchanged(caller: Caller, held: TokenRow | undefined): void {
  if (caller.tokenType === "api" && caller.grants === undefined) return;
  if (held === undefined) throw new DomainError("unauthenticated", "the calling token was revoked meanwhile");
  if (caller.grants !== undefined && !isDeepStrictEqual(grantsOf(held), caller.grants)) {
    throw new DomainError("conflict", "the calling token was changed meanwhile: try again");
  }
}

/** Refuses grants for a console token: it gives what its user has. */
export function refuseConsoleGrants(asked: TokenGrants): void {
  const grants = [asked.permissions, asked.projectRoles, asked.tenantRoles].flatMap((given) => Object.keys(given));
  if (grants.length === 0 && asked.adminRole === null) return;
  throw new DomainError("precondition", "a console token gives what its user has: only its description can change");
}
