import type { Interceptor } from "@connectrpc/connect";
import { AdminRole, ProjectRole, TenantRole, Visibility } from "../../gen/ts/api/v1/common_pb.js";
import { type Caller, callerKey, type Rights } from "../caller.js";
import { DomainError } from "../errors.js";
import { type Authenticate, tokenKey } from "./authenticate.js";
import { callOf, type Subject } from "./call.js";
import { isRead, type MethodPolicy, policyOf } from "./method-options.js";

/** Whether a call may go on; if not, why, in words for the caller. */
export type Decision =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly kind: "unauthenticated" | "denied"; readonly message: string };

const allowed: Decision = { allowed: true };

/**
 * Lets a call through only if the method's options allow its caller; streams
 * before they begin. What is known of a caller may be a moment old: before a
 * refusal it is read again, so that a right holds as soon as it is given.
 */
export function authorizeBy(refresh: Authenticate | undefined): Interceptor {
  return (next) => async (req) => {
    const { contextValues: values } = req;
    const judge = () => decide(policyOf(req.method), values.get(callerKey), callOf(req).subject);
    let decision = judge();
    const token = values.get(tokenKey);
    if (!decision.allowed && token !== undefined && refresh !== undefined) {
      values.set(callerKey, await refresh(token, req.signal));
      decision = judge();
    }
    if (!decision.allowed) throw new DomainError(decision.kind, decision.message);
    return next(req);
  };
}

/** The whole rule of who may call what; pure. */
export function decide(policy: MethodPolicy, caller: Caller | undefined, subject: Subject): Decision {
  if (policy.visibility === Visibility.PRIVATE) return denied("this method is not reachable from outside");
  if (policy.visibility === Visibility.PUBLIC) return allowed;
  if (caller === undefined) return { allowed: false, kind: "unauthenticated", message: "a token is required" };
  if (policy.visibility === Visibility.SELF) return allowed;
  if (adminMay(policy, caller.granted.adminRole)) return allowed;
  if (projectRoleSuffices(policy, caller, subject.project)) return allowed;
  if (tenantRoleSuffices(policy, caller, subject.tenant)) return allowed;
  return denied(neededRoles(policy));
}

function adminMay(policy: MethodPolicy, role: AdminRole | undefined): boolean {
  if (role === undefined || role === AdminRole.UNSPECIFIED) return false;
  if (role === AdminRole.EDITOR || policy.adminRoles.includes(role)) return true;
  return role === AdminRole.VIEWER && isRead(policy);
}

function projectRoleSuffices(policy: MethodPolicy, caller: Caller, project: string | undefined): boolean {
  if (policy.projectScope.kind !== "project" || project === undefined || project === "") return false;
  const holds = (rights: Rights) => has(policy.projectRoles, rights.projectRoles.get(project));
  return holds(caller.granted) || (permitted(policy, caller, project) && holds(caller.owner));
}

function tenantRoleSuffices(policy: MethodPolicy, caller: Caller, tenant: string | undefined): boolean {
  switch (policy.tenantScope.kind) {
    case "tenant":
      return tenant !== undefined && tenant !== "" && holdsTenantRole(policy, caller, tenant);
    case "anyTenant": {
      const tenants = new Set([...caller.granted.tenantRoles.keys(), ...caller.permissions.keys()]);
      return [...tenants].some((candidate) => holdsTenantRole(policy, caller, candidate));
    }
    default:
      return false;
  }
}

function holdsTenantRole(policy: MethodPolicy, caller: Caller, tenant: string): boolean {
  const holds = (rights: Rights) => has(policy.tenantRoles, rights.tenantRoles.get(tenant));
  return holds(caller.granted) || (permitted(policy, caller, tenant) && holds(caller.owner));
}

// A single permission is worth what its owner could do there: it never reaches further.
function permitted(policy: MethodPolicy, caller: Caller, subject: string): boolean {
  return caller.permissions.get(subject)?.has(policy.path) ?? false;
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
