import { atLeast, inheritedRole, isAdminEditor, roleInProject } from "../../../auth/rights.js";
import type { Caller } from "../../../caller.js";
import { DomainError, type FieldViolation } from "../../../errors.js";
import type { Methods, PermissionScope } from "../../../platform.js";
import { adminRoles, projectRoles, type TenantRoleName, tenantRoles } from "../../api/roles.js";
import { dottedName } from "./built-in.js";
import { aboutScope, type Scope, subjectInProject } from "./scope.js";

/** Most permissions of one role. */
const mostPermissions = 500;
const longestEcho = 100;

/** Refuses names that are no permissions, and those that mean nothing where the role can be bound. */
export function refuseUnfitPermissions(
  methods: Methods,
  field: string,
  scope: PermissionScope,
  permissions: readonly string[],
): void {
  const violations = permissions.flatMap((name, i): FieldViolation[] => {
    const facts = methods.permissions.get(name);
    const shown = name.slice(0, longestEcho);
    const at = `${field}[${i}]`;
    if (facts === undefined) return [{ field: at, message: `there is no permission ${shown}` }];
    if (!facts.scopes.has(scope)) return [{ field: at, message: `${shown} has no effect in the ${scope} scope` }];
    return [];
  });
  const [first] = violations;
  if (first === undefined) return;
  throw new DomainError("invalid", `${first.field}: ${first.message}`, { violations: violations.slice(0, 20) });
}

/** The permissions of a role after a change: what is removed goes first, so that what is added stays. */
export function changedPermissions(
  present: readonly string[],
  { add, remove }: { readonly add: readonly string[]; readonly remove: readonly string[] },
): string[] {
  const gone = new Set(remove);
  const changed = new Set([...present.filter((name) => !gone.has(name)), ...add]);
  if (changed.size === 0) throw new DomainError("precondition", "a role needs a permission at least: delete the role");
  if (changed.size > mostPermissions) {
    throw new DomainError("precondition", `a role has ${mostPermissions} permissions at most`);
  }
  return [...changed];
}

/** The methods that a role with these permissions gives in that kind of scope. */
export function methodsGiven(methods: Methods, scope: PermissionScope, permissions: readonly string[]): Set<string> {
  const given = permissions.flatMap((permission) => [...methods.expand(permission)]);
  return new Set(given.filter((method) => methods.permissions.get(dottedName(method))?.scopes.has(scope)));
}

/** Whether a built-in role is no more than what the calling token itself grants there. */
export function mayGiveRole({ granted }: Caller, scope: Scope, role: TenantRoleName): boolean {
  return isAdminEditor(granted) || holdsRole(granted, scope, role);
}

/** Refuses a built-in role that goes beyond what the calling token itself grants there. */
export function refuseStrongerRole(caller: Caller, scope: Scope, role: TenantRoleName): void {
  if (mayGiveRole(caller, scope, role)) return;
  throw new DomainError("denied", `the role ${role} goes beyond what the calling token may do there`);
}

function holdsRole(granted: Caller["granted"], scope: Scope, role: TenantRoleName): boolean {
  switch (scope.kind) {
    case "platform":
      return (role === "editor" || role === "viewer") && atLeast(granted.adminRole, adminRoles[role]);
    case "tenant":
      return atLeast(granted.tenantRoles.get(scope.tenant), tenantRoles[role]);
    default:
      return role !== "guest" && atLeast(roleInProject(granted, subjectInProject(scope)), projectRoles[role]);
  }
}

/** The first of these methods that the calling token may not call itself there; undefined when it may call all. */
export function methodBeyond(
  caller: Caller,
  methods: Methods,
  scope: Scope,
  given: Iterable<string>,
): string | undefined {
  if (mayGiveRole(caller, scope, "owner")) return undefined;
  return [...given].find((method) => !mayCall(caller, methods, scope, method));
}

/** Refuses to give methods away that the calling token may not call itself there. */
export function refuseMethodsBeyond(caller: Caller, methods: Methods, scope: Scope, given: Iterable<string>): void {
  const method = methodBeyond(caller, methods, scope, given);
  if (method === undefined) return;
  throw new DomainError("denied", `the method ${method} goes beyond what the calling token may do there`);
}

function mayCall(caller: Caller, methods: Methods, scope: Scope, method: string): boolean {
  if (methods.decide(caller, method, aboutScope(scope))?.allowed === true) return true;
  if (scope.kind !== "tenant") return false;
  // What has an effect in the tenant's projects alone is no call in the tenant, and held there all the same.
  const role = caller.granted.tenantRoles.get(scope.tenant);
  return (
    caller.granted.tenantMethods.get(scope.tenant)?.has(method) === true ||
    methods.admits(method, { tenant: role, project: inheritedRole(role) })
  );
}
