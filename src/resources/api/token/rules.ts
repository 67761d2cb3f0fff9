import type { MethodPermission, TokenServiceCreateRequest } from "../../../../gen/ts/api/v1/token_pb.js";
import { everySubject } from "../../../auth/rights.js";
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

const longestSubject = 256;
const longestEcho = 100;
const mostPermissions = 1_000;

/** Reads what a request asks for, from the newer fields and from the older list of roles. */
export function askedGrants(request: TokenServiceCreateRequest, caller: Caller): TokenGrants {
  const asked: TokenGrants = { permissions: {}, projectRoles: {}, tenantRoles: {}, adminRole: null };
  asked.permissions = askedPermissions(request.permissions);
  for (const [subject, role] of Object.entries(request.projectRoles)) {
    asked.projectRoles[subject] = named("project_roles", projectRoleName(role));
  }
  for (const [subject, role] of Object.entries(request.tenantRoles)) {
    asked.tenantRoles[subject] = named("tenant_roles", tenantRoleName(role));
  }
  let adminRole: AdminRoleName | undefined = adminRoleName(request.adminRole);
  for (const { subject, role } of request.roles) {
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

/** Refuses what goes beyond the calling token, whose row is `calling`, or its owner's present rights. */
export function refuseEscalation(asked: TokenGrants, calling: TokenRow, caller: Caller, methods: Methods): void {
  // A console token is worth what its owner may do, everywhere and at any time.
  const console = calling.type === "console";
  const everywhere = {
    project: console ? projectRoles.owner : numberOf(projectRoles, calling.projectRoles[everySubject]),
    tenant: console ? tenantRoles.owner : numberOf(tenantRoles, calling.tenantRoles[everySubject]),
  };
  const { granted } = caller;
  const inProject = (subject: string) =>
    subject === everySubject ? everywhere.project : granted.projectRoles.get(subject);
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
    console || calling.permissions[everySubject]?.includes(method) === true || methods.admits(method, everywhere);
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

const numberOf = <Name extends string>(names: Readonly<Record<Name, number>>, name: Name | undefined) =>
  name === undefined ? undefined : names[name];

/** Roles are numbered from the strongest (1) to the weakest. */
const atLeast = (held: number | undefined, asked: number): boolean => held !== undefined && held <= asked;

function named<Name>(field: string, name: Name | undefined): Name {
  if (name === undefined) throw invalidField(field, "each role must be specified");
  return name;
}
