import { inheritedRole } from "../../../auth/rights.js";
import type { Platform } from "../../../platform.js";
import { projectStore } from "../../api/project/store.js";
import { projectRoles, tenantRoles } from "../../api/roles.js";
import { principalStore } from "../principal/store.js";
import { type BindingRow, listBindings } from "./binding-list.js";
import { isBuiltIn } from "./built-in.js";
import { type CustomRoleRow, customRoleStore } from "./role-store.js";
import type { Scope } from "./scope.js";

/** A principal that may call a method in a scope. */
export interface Permitted {
  readonly principal: string;
  readonly scope: Scope;
  readonly method: string;
}

/** Bindings that are looked at for each scope; beyond them the reason stays vague. */
const page = { limit: 100, offset: 0 };

/** Which role lets a principal call a method, and through which team, in words; the narrowest scope counts first. */
export async function heldGround(platform: Platform, permitted: Permitted): Promise<string> {
  const { db } = platform;
  const teams = (await principalStore.memberships(db, permitted.principal))?.teams ?? [];
  const principals = [permitted.principal, ...teams];
  const scopes = await scopesAbove(platform, permitted.scope);
  const rows = (await Promise.all(scopes.map((scope) => listBindings(db, { scope, principals }, page)))).flat();
  const custom = await customRoleStore.among(
    db,
    rows.map(({ role }) => role).filter((role) => !isBuiltIn(role)),
  );
  const ground = rows.find((row) => gives(platform, row, permitted, custom.get(row.role)));
  return ground === undefined ? "a role that the principal holds" : await inWords(platform, ground, permitted);
}

/** A scope, and those whose roles reach into it; the narrowest first. */
async function scopesAbove({ db }: Platform, scope: Scope): Promise<Scope[]> {
  if (scope.kind === "platform" || scope.kind === "tenant") return [scope];
  const tenant = (await projectStore.get(db, scope.project))?.tenant;
  const { project } = scope;
  return [
    ...(scope.kind === "project" ? [] : [scope]),
    { kind: "project", project },
    ...(tenant === undefined ? [] : [{ kind: "tenant", tenant } as const]),
  ];
}

function gives({ methods }: Platform, row: BindingRow, asked: Permitted, custom: CustomRoleRow | undefined): boolean {
  const { method, scope } = asked;
  const { role } = row;
  if (!isBuiltIn(role)) return custom?.permissions.some((name) => methods.expand(name).has(method)) ?? false;
  if (row.scope !== "tenant") {
    return role !== "guest" && methods.admits(method, { project: projectRoles[role], tenant: undefined });
  }
  const inTenant = scope.kind === "tenant";
  return methods.admits(method, {
    project: inTenant ? undefined : inheritedRole(tenantRoles[role]),
    tenant: inTenant ? tenantRoles[role] : undefined,
  });
}

async function inWords({ db }: Platform, row: BindingRow, { principal }: Permitted): Promise<string> {
  const where = row.scope === "tenant" ? `tenant ${row.tenant}` : `the ${row.scope}`;
  const role = isBuiltIn(row.role)
    ? `the ${row.scope} role ${row.roleName}`
    : `the custom role ${row.roleName} bound at ${where}`;
  if (row.principal === null || row.principal === principal) return role;
  const holder = await principalStore.get(db, row.principal);
  return `${role} through the ${holder?.kind ?? "team"} ${holder?.name ?? row.principal}`;
}
