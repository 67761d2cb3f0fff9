import type { DefaultRole, SettingsServiceUpdateRequest } from "../../../../gen/ts/deploy/v1/settings_pb.js";
import type { Caller } from "../../../caller.js";
import type { Database } from "../../../db/database.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { memberStore } from "../../api/member/store.js";
import { builtInRole } from "../../iam/access/built-in.js";
import { callerStillAt } from "../../iam/access/caller-now.js";
import { customRoleStore } from "../../iam/access/role-store.js";
import { methodsGiven, refuseMethodsBeyond, refuseStrongerRole } from "../../iam/access/rules.js";
import { askedSettings, eventOf, isSame, refuseStale } from "./rules.js";
import { noSettings, type SettingsRow, settingsStore } from "./store.js";
import type { DeploySettings } from "./table.js";

type GivenRole = DeploySettings["defaultRoles"][number];

/** Changes the settings of a tenant; what is not set stays. */
export async function updateSettings(
  platform: Platform,
  request: SettingsServiceUpdateRequest,
  cached: Caller,
): Promise<SettingsRow> {
  const { login: tenant, defaultRoles, expectedVersion } = request;
  const asked = askedSettings(request);
  const scope = { kind: "tenant", tenant } as const;
  // Who gives a role to all who come needs the rights of who gives it to one.
  const caller =
    defaultRoles === undefined ? cached : await callerStillAt(platform, cached, { method: "SetRoleBinding", scope });
  return await platform.db.transaction(async (tx) => {
    await memberStore.lockTenant(tx, tenant);
    const row = await settingsStore.get(tx, tenant);
    refuseStale(row?.version ?? 0, expectedVersion);
    const present = row?.settings ?? noSettings;
    const roles =
      defaultRoles === undefined
        ? present.defaultRoles
        : await rolesOf(tx, platform, { tenant, asked: defaultRoles.roles, present: present.defaultRoles, caller });
    const settings: DeploySettings = { ...present, ...asked, defaultRoles: roles };
    return await settingsStore.put(tx, {
      tenant,
      settings,
      version: (row?.version ?? 0) + 1,
      updatedAt: platform.clock(),
    });
  });
}

interface AskedRoles {
  readonly tenant: string;
  readonly asked: readonly DefaultRole[];
  readonly present: readonly GivenRole[];
  readonly caller: Caller;
}

/** The roles that a request names. Those that are new must be no more than the calling token may do itself. */
async function rolesOf(tx: Database, platform: Platform, { tenant, asked, present, caller }: AskedRoles) {
  const roles: GivenRole[] = [];
  for (const [i, one] of asked.entries()) {
    const field = `default_roles.roles[${i}]`;
    const given = { event: eventOf(field, one), role: await roleId(tx, tenant, `${field}.role`, one.role) };
    if (roles.some((other) => isSame(other, given))) throw invalidField(field, "names the same role a second time");
    if (!present.some((other) => isSame(other, given))) await refuseBeyond(tx, platform, tenant, given.role, caller);
    roles.push(given);
  }
  return roles;
}

/** The name of a built-in role, or the uuid of the tenant's own role with that name. */
async function roleId(tx: Database, tenant: string, field: string, name: string): Promise<string> {
  const builtIn = builtInRole("tenant", name);
  if (builtIn !== undefined) return builtIn;
  const own = (await customRoleStore.list(tx, tenant)).find((role) => role.tenant === tenant && role.name === name);
  if (own === undefined) throw noRole(name);
  if (own.scope === "tenant") return own.id;
  throw invalidField(field, `${name} can be bound in the ${own.scope} scope, not in the tenant scope`);
}

async function refuseBeyond(
  tx: Database,
  { methods }: Platform,
  tenant: string,
  id: string,
  caller: Caller,
): Promise<void> {
  const scope = { kind: "tenant", tenant } as const;
  const builtIn = builtInRole("tenant", id);
  if (builtIn !== undefined) return refuseStrongerRole(caller, scope, builtIn);
  // Nobody deletes or changes it before it is among the default roles.
  const role = await customRoleStore.hold(tx, tenant, id);
  if (role === undefined || role.scope !== "tenant") throw noRole(id);
  refuseMethodsBeyond(caller, methods, scope, methodsGiven(methods, role.scope, role.permissions));
}

const noRole = (name: string): DomainError =>
  new DomainError("missing", `the tenant has no role ${name}: name a built-in one or one of its own`);
