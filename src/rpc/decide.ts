import { AdminRole, ProjectRole, TenantRole, Visibility } from "../../gen/ts/api/v1/common_pb.js";
import { deploymentSubject, environmentSubject } from "../auth/rights.js";
import type { Caller, Rights } from "../caller.js";
import type { Subject } from "./call.js";
import { isRead, type MethodPolicy } from "./method-options.js";

/** Whether a call may go on; if so, on what ground; if not, why, in words for the caller. */
export type Decision =
  | { readonly allowed: true; readonly ground: Ground }
  | { readonly allowed: false; readonly kind: "unauthenticated" | "denied"; readonly message: string };

/** What lets a call through. */
export type Ground = "public" | "self" | "admin role" | "project role" | "tenant role" | "custom role";

// Made once: the common case allocates nothing.
const grounds: Readonly<Record<Ground, Decision>> = {
  public: { allowed: true, ground: "public" },
  self: { allowed: true, ground: "self" },
  "admin role": { allowed: true, ground: "admin role" },
  "project role": { allowed: true, ground: "project role" },
  "tenant role": { allowed: true, ground: "tenant role" },
  "custom role": { allowed: true, ground: "custom role" },
};

/** The whole rule of who may call what; pure. */
export function decide(policy: MethodPolicy, caller: Caller | undefined, subject: Subject): Decision {
  if (policy.visibility === Visibility.PRIVATE) return denied("this method is not reachable from outside");
  if (policy.visibility === Visibility.PUBLIC) return grounds.public;
  if (caller === undefined) return { allowed: false, kind: "unauthenticated", message: "a token is required" };
  if (policy.visibility === Visibility.SELF) return grounds.self;
  if (adminMay(policy, caller.granted.adminRole)) return grounds["admin role"];
  const ground = inProject(policy, caller, subject) ?? inTenant(policy, caller, subject);
  return ground === undefined ? denied(neededRoles(policy)) : grounds[ground];
}

function adminMay(policy: MethodPolicy, role: AdminRole | undefined): boolean {
  if (role === undefined || role === AdminRole.UNSPECIFIED) return false;
  if (role === AdminRole.EDITOR || policy.adminRoles.includes(role)) return true;
  return role === AdminRole.VIEWER && isRead(policy);
}

/** On what ground the caller may do it in the project, or in the environment or deployment of it that is named. */
function inProject(policy: MethodPolicy, caller: Caller, about: Subject): Ground | undefined {
  if (policy.projectScope.kind !== "project" || !about.project) return undefined;
  const ground = heldInProject(policy, caller.granted, about.project, about);
  if (ground !== undefined || !permittedInProject(policy, caller, about.project, about)) return ground;
  return heldInProject(policy, caller.owner, about.project, about);
}

function heldInProject(policy: MethodPolicy, rights: Rights, project: string, about: Subject): Ground | undefined {
  if (has(policy.projectRoles, rights.projectRoles.get(project))) return "project role";
  if (gives(rights.projectMethods, project, policy)) return "custom role";
  return (
    heldInPart(policy, rights, environmentOf(policy, project, about)) ??
    heldInPart(policy, rights, deploymentOf(policy, project, about))
  );
}

function heldInPart(policy: MethodPolicy, rights: Rights, part: string | undefined): Ground | undefined {
  if (part === undefined) return undefined;
  if (has(policy.projectRoles, rights.partRoles.get(part))) return "project role";
  return gives(rights.projectMethods, part, policy) ? "custom role" : undefined;
}

function permittedInProject(policy: MethodPolicy, caller: Caller, project: string, about: Subject): boolean {
  const { permissions } = caller;
  if (permissions.size === 0) return false;
  if (gives(permissions, project, policy)) return true;
  const parts = [environmentOf(policy, project, about), deploymentOf(policy, project, about)];
  return parts.some((part) => part !== undefined && gives(permissions, part, policy));
}

// What a method does not ask for, nobody can name in a call of it.
function environmentOf(policy: MethodPolicy, project: string, { environment }: Subject): string | undefined {
  if (!environment || policy.environmentField === undefined) return undefined;
  return environmentSubject(project, environment);
}

function deploymentOf(policy: MethodPolicy, project: string, { deployment }: Subject): string | undefined {
  if (!deployment || policy.deploymentField === undefined) return undefined;
  return deploymentSubject(project, deployment);
}

function inTenant(policy: MethodPolicy, caller: Caller, { tenant, project }: Subject): Ground | undefined {
  switch (policy.tenantScope.kind) {
    case "tenant":
      // Where a method takes a project or a tenant, one of the two is its subject: the narrower.
      if (policy.projectScope.kind === "project" && project) return undefined;
      return tenant ? holdsInTenant(policy, caller, tenant) : undefined;
    case "anyTenant":
      return (
        inAnyOf(caller.granted.tenantRoles, policy, caller) ??
        inAnyOf(caller.granted.tenantMethods, policy, caller) ??
        inAnyOf(caller.permissions, policy, caller)
      );
    default:
      return undefined;
  }
}

function inAnyOf(tenants: ReadonlyMap<string, unknown>, policy: MethodPolicy, caller: Caller): Ground | undefined {
  for (const tenant of tenants.keys()) {
    const ground = holdsInTenant(policy, caller, tenant);
    if (ground !== undefined) return ground;
  }
  return undefined;
}

function holdsInTenant(policy: MethodPolicy, caller: Caller, tenant: string): Ground | undefined {
  const ground = heldInTenant(policy, caller.granted, tenant);
  // A single permission is worth what its owner could do there: it never reaches further.
  if (ground !== undefined || !gives(caller.permissions, tenant, policy)) return ground;
  return heldInTenant(policy, caller.owner, tenant);
}

function heldInTenant(policy: MethodPolicy, rights: Rights, tenant: string): Ground | undefined {
  if (has(policy.tenantRoles, rights.tenantRoles.get(tenant))) return "tenant role";
  return gives(rights.tenantMethods, tenant, policy) ? "custom role" : undefined;
}

function gives(methods: ReadonlyMap<string, ReadonlySet<string>>, subject: string, { path }: MethodPolicy): boolean {
  return methods.get(subject)?.has(path) ?? false;
}

// Role 0 is UNSPECIFIED: nobody holds it, whatever a list says.
function has<Role extends number>(roles: readonly Role[], role: Role | undefined): boolean {
  return role !== undefined && role !== 0 && roles.includes(role);
}

function denied(message: string): Decision {
  return { allowed: false, kind: "denied", message };
}

function neededRoles(policy: MethodPolicy): string {
  const lists = [
    ["project", policy.projectRoles.map((role) => ProjectRole[role])],
    ["tenant", policy.tenantRoles.map((role) => TenantRole[role])],
    ["admin", policy.adminRoles.map((role) => AdminRole[role])],
  ] as const;
  const needs = lists
    .filter(([, names]) => names.length > 0)
    .map(([kind, names]) => `the ${kind} role ${names.map((name) => name?.toLowerCase()).join(" or ")}`);
  return `this method needs ${needs.join(", or ")}`;
}
