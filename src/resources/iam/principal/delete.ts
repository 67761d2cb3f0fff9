import type { Caller } from "../../../caller.js";
import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { memberStore } from "../../api/member/store.js";
import { refuseWithContents } from "../../api/project/delete.js";
import { projectStore } from "../../api/project/store.js";
import { isPersonal } from "../../api/tenant/rules.js";
import { tenantStore } from "../../api/tenant/store.js";
import { directoryStore } from "./directory-store.js";
import { refuseDelete } from "./rules.js";
import type { PrincipalRow } from "./store.js";

/** Deletes a principal with its credentials and roles, and a user with the personal tenant; answers it as it was. */
export async function deletePrincipal(
  platform: Platform,
  { login, id }: { readonly login: string; readonly id: string },
  caller: Caller,
): Promise<PrincipalRow> {
  return await platform.db.transaction(async (tx) => {
    const row = await directoryStore.lock(tx, login || undefined, id);
    if (row === undefined) throw new DomainError("missing", `principal ${id} does not exist`);
    refuseDelete(caller, login, row);
    if (row.kind === "team") await refuseWithMembers(tx, id);
    const tenant = row.kind === "user" ? await tenantStore.get(tx, id) : undefined;
    // An organization may bear the name of a user whom an operator made by hand.
    const personal = tenant !== undefined && isPersonal(tenant) ? tenant.login : undefined;
    await refuseToOrphan(tx, id, personal);
    if (personal !== undefined) await removePersonalTenant(tx, personal);
    await directoryStore.remove(tx, id);
    return row;
  });
}

/**
 * Refuses to let the last owner of a tenant go, and locks the tenants against the same from others; `goes` names a
 * tenant that is deleted along, and nothing comes into that one any more.
 */
export async function refuseToOrphan(tx: Database, id: string, goes?: string): Promise<void> {
  const tenants = new Set(await directoryStore.tenantsOf(tx, id));
  if (goes !== undefined) tenants.add(goes);
  // In one order, whichever of them goes: others who do the same wait instead of blocking each other.
  for (const tenant of [...tenants].sort()) {
    if (tenant === goes) {
      await tenantStore.lock(tx, tenant);
      continue;
    }
    await memberStore.lockTenant(tx, tenant);
    // Looked at under the lock only: it may have become owner a moment ago.
    if ((await memberStore.tenantMember(tx, { tenant, member: id }))?.role !== "owner") continue;
    if (await memberStore.hasOwnerBeside(tx, tenant, id)) continue;
    throw new DomainError(
      "precondition",
      `${id} is the last owner of tenant ${tenant}: make somebody else owner first`,
    );
  }
}

async function refuseWithMembers(tx: Database, team: string): Promise<void> {
  const members = (await directoryStore.membersOf(tx, [team])).get(team) ?? [];
  if (members.length > 0) {
    throw new DomainError("precondition", `team ${team} has ${members.length} members: remove them first`);
  }
}

async function removePersonalTenant(tx: Database, login: string): Promise<void> {
  if ((await directoryStore.countOwned(tx, login)) > 0) throw notEmpty(login);
  for (const { id } of await projectStore.ofTenant(tx, login)) {
    const project = await projectStore.lock(tx, id);
    if (project === undefined) continue;
    await refuseWithContents(tx, project);
    await projectStore.remove(tx, id);
  }
  await tenantStore.remove(tx, login);
}

const notEmpty = (tenant: string): DomainError =>
  new DomainError(
    "precondition",
    `the personal tenant ${tenant} owns more than an empty default project: delete its projects, bots and teams first`,
  );
