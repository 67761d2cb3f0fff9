import type {
  AccessServiceCreateRoleRequest,
  AccessServiceGetRoleRequest,
  AccessServiceUpdateRoleRequest,
} from "../../../../gen/ts/iam/v1/access_pb.js";
import type { Caller } from "../../../caller.js";
import type { Database } from "../../../db/database.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { memberStore } from "../../api/member/store.js";
import { type BuiltInRole, isBuiltIn } from "./built-in.js";
import { callerStillAt } from "./caller-now.js";
import { type CustomRoleRow, customRoleStore } from "./role-store.js";
import { changedPermissions, methodsGiven, refuseMethodsBeyond, refuseUnfitPermissions } from "./rules.js";
import { boundScope, scopeKindOf } from "./scope.js";

/** Most custom roles of one tenant. */
export const mostRoles = 200;

/** The tenant that a request names; null is the platform. */
export const tenantOf = ({ login }: { readonly login: string }): string | null => login || null;

/** The built-in role that a request names; undefined for a custom one. Throws "missing" when there is none. */
export function namedBuiltIn(
  roles: readonly BuiltInRole[],
  { id, scope }: Pick<AccessServiceGetRoleRequest, "id" | "scope">,
): BuiltInRole | undefined {
  if (!isBuiltIn(id)) return undefined;
  const kind = scopeKindOf(scope);
  const named = roles.filter((role) => role.id === id);
  const role =
    kind === undefined
      ? (named.find((each) => each.scope === "project") ?? named[0])
      : named.find((each) => each.scope === kind);
  if (role === undefined) throw new DomainError("missing", `there is no role ${id} in the ${kind} scope`);
  return role;
}

/** Makes a custom role. */
export async function createRole(platform: Platform, request: AccessServiceCreateRoleRequest): Promise<CustomRoleRow> {
  const { name, description, permissions } = request;
  const scope = customScope(request.scope);
  refuseUnfitPermissions(platform.methods, "permissions", scope, permissions);
  refuseBuiltInName(name);
  const now = platform.clock();
  const row = { id: platform.newId(), tenant: tenantOf(request), name, description, scope, permissions };
  return await platform.db.transaction(async (tx) => {
    if (row.tenant !== null) await demandRoomForRole(tx, row.tenant);
    return await customRoleStore.insert(tx, { ...row, createdAt: now, updatedAt: now });
  });
}

/** Roles are listed at once, and each caller's rights are made of them: a tenant has only so many. */
async function demandRoomForRole(tx: Database, tenant: string): Promise<void> {
  // Two who make the last one come one by one.
  await memberStore.lockTenant(tx, tenant);
  if ((await customRoleStore.count(tx, tenant)) < mostRoles) return;
  throw new DomainError("exhausted", `tenant ${tenant} has ${mostRoles} roles already: delete one first`);
}

/** Changes a custom role; all who hold it gain and lose with it. */
export async function updateRole(
  platform: Platform,
  request: AccessServiceUpdateRoleRequest,
  cached: Caller,
): Promise<CustomRoleRow> {
  const tenant = tenantOf(request);
  const scope = tenant === null ? ({ kind: "platform" } as const) : ({ kind: "tenant", tenant } as const);
  const caller = await callerStillAt(platform, cached, { method: "UpdateRole", scope });
  return await platform.db.transaction(async (tx) => {
    const present = await lockedRole(tx, request);
    const row = changed(platform, present, request);
    const bound = await customRoleStore.boundAt(tx, row.id);
    if (row.scope !== present.scope && bound.length > 0) {
      throw new DomainError("precondition", `role ${present.name} is bound: its scope cannot change`);
    }
    const { methods } = platform;
    const known = methodsGiven(methods, present.scope, present.permissions);
    const gained = [...methodsGiven(methods, row.scope, row.permissions)].filter((method) => !known.has(method));
    for (const place of bound) refuseMethodsBeyond(caller, methods, boundScope(place), gained);
    return await customRoleStore.update(tx, row);
  });
}

/** Deletes a custom role that is not bound; answers it as it was. */
export async function deleteRole(
  { db }: Platform,
  request: { readonly login: string; readonly id: string },
): Promise<CustomRoleRow> {
  return await db.transaction(async (tx) => {
    const row = await lockedRole(tx, request);
    if (await customRoleStore.isBound(tx, row.id)) {
      throw new DomainError(
        "precondition",
        `role ${row.name} is bound: take it from its holders, and out of the default roles, first`,
      );
    }
    await customRoleStore.delete(tx, row.id);
    return row;
  });
}

async function lockedRole(
  tx: Database,
  request: { readonly login: string; readonly id: string },
): Promise<CustomRoleRow> {
  if (isBuiltIn(request.id)) {
    throw new DomainError("precondition", `${request.id} is a built-in role, which cannot be changed`);
  }
  return found(await customRoleStore.lock(tx, tenantOf(request), request.id), request.id);
}

function changed(
  { methods, clock }: Platform,
  present: CustomRoleRow,
  request: AccessServiceUpdateRoleRequest,
): CustomRoleRow {
  const { name = present.name, description = present.description, addPermissions, removePermissions } = request;
  if (name !== present.name) refuseBuiltInName(name);
  const scope = request.scope === undefined ? present.scope : customScope(request.scope);
  refuseUnfitPermissions(methods, "add_permissions", scope, addPermissions);
  const permissions = changedPermissions(present.permissions, { add: addPermissions, remove: removePermissions });
  if (scope !== present.scope) refuseUnfitPermissions(methods, "permissions", scope, permissions);
  return { ...present, name, description, scope, permissions, updatedAt: clock() };
}

function customScope(number: AccessServiceCreateRoleRequest["scope"]): CustomRoleRow["scope"] {
  const scope = scopeKindOf(number);
  if (scope === undefined || scope === "platform") {
    throw invalidField("scope", "a custom role is one of tenants, projects, environments or deployments");
  }
  return scope;
}

// Whoever reads "owner" shall not have to ask which one.
function refuseBuiltInName(name: string): void {
  if (isBuiltIn(name)) throw new DomainError("exists", `${name} is a built-in role`);
}

/** The role that was found; throws "missing" otherwise. */
export function found(row: CustomRoleRow | undefined, id: string): CustomRoleRow {
  if (row === undefined) throw new DomainError("missing", `role ${id} does not exist`);
  return row;
}
