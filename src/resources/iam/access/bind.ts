import type { Caller } from "../../../caller.js";
import type { Database } from "../../../db/database.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { memberStore } from "../../api/member/store.js";
import type { TenantRoleName } from "../../api/roles.js";
import { type BindingRow, findBinding } from "./binding-list.js";
import { type BindingKey, bindingStore } from "./binding-store.js";
import { builtInRole, isBuiltIn } from "./built-in.js";
import { callerStillAt } from "./caller-now.js";
import { type AskedHolder, type Holder, heldBy, holderOf } from "./holder.js";
import { customRoleStore } from "./role-store.js";
import { methodsGiven, refuseMethodsBeyond, refuseStrongerRole } from "./rules.js";
import { demandPart, type NamedScope, type Scope, scopeOf } from "./scope.js";
import { refuseToTakeBeyond } from "./take-away.js";

/** What a request to bind a role, or to take one away, names. */
export interface BindingRequest extends NamedScope {
  readonly holder: AskedHolder;
  readonly role: string;
}

/** A role that is to be given: a built-in one, or the uuid of a custom one. */
type GivenRole =
  | { readonly builtInRole: TenantRoleName; readonly customRole: null }
  | { readonly builtInRole: null; readonly customRole: string };

/** Gives a principal or an e-mail address a role in a scope. */
export async function setBinding(platform: Platform, request: BindingRequest, cached: Caller): Promise<BindingRow> {
  const scope = scopeOf(request);
  const caller = await callerStillAt(platform, cached, { method: "SetRoleBinding", scope });
  return await platform.db.transaction(async (tx) => {
    const tenant = await holdScope(tx, scope);
    await demandPart(tx, scope);
    const role = await givenRole(tx, platform, { scope, tenant, id: request.role, caller });
    const providers = platform.signIn.providers.map(({ id }) => id);
    const holder = await holderOf(tx, request.holder, { scope, tenant, now: platform.clock(), providers });
    if (role.builtInRole !== null) {
      const replaced = await heldBuiltIn(tx, scope, holder);
      if (replaced !== undefined) await refuseToTakeBeyond(tx, platform.methods, { caller, scope, row: replaced });
    }
    await give(tx, platform, { scope, holder, role, by: caller.user });
    const asked = await findBinding(tx, { scope, role: request.role.toLowerCase(), ...heldBy(holder) });
    // A stronger one may have come with it, by default.
    const row = asked ?? (await heldBuiltIn(tx, scope, holder));
    if (row === undefined) throw new Error("the binding was not written");
    return row;
  });
}

/** Takes a role from a principal, or withdraws an invitation; answers it as it was. */
export async function deleteBinding(platform: Platform, request: BindingRequest, cached: Caller): Promise<BindingRow> {
  const scope = scopeOf(request);
  const caller = await callerStillAt(platform, cached, { method: "DeleteRoleBinding", scope });
  return await platform.db.transaction(async (tx) => {
    await holdScope(tx, scope);
    const row = await presentBinding(tx, scope, request);
    if (row === undefined) {
      throw new DomainError("missing", `${request.holder.value} does not hold the role ${request.role} there`);
    }
    await refuseToTakeBeyond(tx, platform.methods, { caller, scope, row, leaves: true });
    await take(tx, scope, row, platform.clock());
    return row;
  });
}

/** The built-in role that a holder has in exactly that scope. */
async function heldBuiltIn(tx: Database, scope: Scope, holder: Holder): Promise<BindingRow | undefined> {
  return await findBinding(tx, { scope, builtIn: true, ...heldBy(holder) });
}

/** Changes of the bindings in a tenant or project come one by one. Answers the tenant, which the platform has not. */
async function holdScope(tx: Database, scope: Scope): Promise<string | null> {
  if (scope.kind === "platform") return null;
  if (scope.kind !== "tenant") return await memberStore.lockProject(tx, scope.project);
  await memberStore.lockTenant(tx, scope.tenant);
  return scope.tenant;
}

interface RoleQuestion {
  readonly scope: Scope;
  readonly tenant: string | null;
  readonly id: string;
  readonly caller: Caller;
}

/** The role that is to be given, if it can be bound there and the calling token may give it. */
async function givenRole(
  tx: Database,
  { methods }: Platform,
  { scope, tenant, id, caller }: RoleQuestion,
): Promise<GivenRole> {
  const builtIn = builtInRole(scope.kind, id);
  if (builtIn !== undefined) {
    refuseStrongerRole(caller, scope, builtIn);
    return { builtInRole: builtIn, customRole: null };
  }
  if (isBuiltIn(id)) throw invalidField("role", `there is no role ${id} in the ${scope.kind} scope`);
  const role = await customRoleStore.hold(tx, tenant, id);
  if (role === undefined) throw new DomainError("missing", `role ${id} does not exist`);
  if (role.scope !== scope.kind) {
    throw invalidField("role", `${role.name} can be bound in the ${role.scope} scope, not in the ${scope.kind} scope`);
  }
  refuseMethodsBeyond(caller, methods, scope, methodsGiven(methods, role.scope, role.permissions));
  return { builtInRole: null, customRole: role.id };
}

interface Gift {
  readonly scope: Scope;
  readonly holder: Holder;
  readonly role: GivenRole;
  readonly by: string;
}

async function give(tx: Database, { clock, newId }: Platform, { scope, holder, role, by }: Gift): Promise<void> {
  const now = clock();
  const { builtInRole: name } = role;
  const member = holder.principal;
  if (scope.kind === "platform") {
    if (member !== null && (name === "editor" || name === "viewer")) {
      await bindingStore.setAdminRole(tx, member, name, now);
    }
  } else if (scope.kind === "tenant" && member !== null && name !== null) {
    await memberStore.setTenantRole(tx, { tenant: scope.tenant, member, role: name, now });
  } else if (scope.kind === "project" && member !== null && name !== null && name !== "guest") {
    await memberStore.setProjectRole(tx, { project: scope.project, member, role: name, now });
  } else {
    const key = { ...placeOf(scope), ...holder, ...role };
    await bindingStore.put(tx, { ...key, id: newId(), createdBy: by, createdAt: now });
  }
}

async function take(tx: Database, scope: Scope, row: BindingRow, now: Date): Promise<void> {
  const member = row.principal;
  if (scope.kind === "platform") {
    if (member !== null) await bindingStore.setAdminRole(tx, member, null, now);
  } else if (scope.kind === "tenant" && member !== null && isBuiltIn(row.role)) {
    await memberStore.removeTenantMember(tx, { tenant: scope.tenant, member });
  } else if (scope.kind === "project" && member !== null && isBuiltIn(row.role)) {
    await memberStore.removeProjectMember(tx, { project: scope.project, member });
  } else {
    const role: GivenRole = isBuiltIn(row.role)
      ? { builtInRole: row.role, customRole: null }
      : { builtInRole: null, customRole: row.role };
    await bindingStore.remove(tx, { ...placeOf(scope), principal: member, email: row.email, ...role });
  }
}

/** The binding that a request names: an e-mail address means its invitation, or else its user. */
async function presentBinding(
  tx: Database,
  scope: Scope,
  { holder, role: asked }: BindingRequest,
): Promise<BindingRow | undefined> {
  const role = asked.toLowerCase();
  if (holder.case === "principal") return await findBinding(tx, { scope, role, principals: [holder.value] });
  const email = (holder.value ?? "").toLowerCase();
  const invitation = await findBinding(tx, { scope, role, email });
  if (invitation !== undefined) return invitation;
  const users = await bindingStore.usersOf(tx, email);
  return users.length === 1 ? await findBinding(tx, { scope, role, principals: users }) : undefined;
}

function placeOf(
  scope: Exclude<Scope, { kind: "platform" }>,
): Pick<BindingKey, "scope" | "tenant" | "project" | "subject"> {
  if (scope.kind === "tenant") return { scope: "tenant", tenant: scope.tenant, project: null, subject: null };
  const subject = scope.kind === "project" ? null : scope.part;
  return { scope: scope.kind, tenant: null, project: scope.project, subject };
}
