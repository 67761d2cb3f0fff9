import type { PrincipalServiceUpdateRequest } from "../../../../gen/ts/iam/v1/principal_pb.js";
import { loadRights } from "../../../auth/load-rights.js";
import { firstBeyond, isAdminEditor } from "../../../auth/rights.js";
import type { Caller } from "../../../caller.js";
import type { Database } from "../../../db/database.js";
import { constraintOf } from "../../../db/errors.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { memberStore } from "../../api/member/store.js";
import { adminRoleName } from "../../api/roles.js";
import { rightsWithin } from "../credential/rules.js";
import { credentialStore } from "../credential/store.js";
import { joinTeam } from "./create.js";
import { refuseToOrphan } from "./delete.js";
import { directoryStore, type PrincipalChange } from "./directory-store.js";
import { refuseChange } from "./rules.js";
import type { PrincipalRow } from "./store.js";

/** Changes a principal, and who belongs to a team. */
export async function updatePrincipal(
  platform: Platform,
  request: PrincipalServiceUpdateRequest,
  cached: Caller,
): Promise<PrincipalRow> {
  // Who joins a team stays in it: by what the caller may do now.
  const caller = request.addMembers.length > 0 || request.enabled ? await platform.callerNow(cached) : cached;
  const { id, enabled } = request;
  const login = request.login || undefined;
  const now = platform.clock();
  return await platform.db.transaction(async (tx) => {
    if (request.addMembers.length > 0) await lockTenantOf(tx, login, id);
    const row = await directoryStore.lock(tx, login, id);
    if (row === undefined) throw missing(id);
    refuseChange(request, caller, row);
    // An operator may have to stop even the last owner of a tenant.
    if (row.enabled && enabled === false && !isAdminEditor(caller.granted)) await refuseToOrphan(tx, id);
    await changeMembers(tx, request, row, now);
    const changed = await directoryStore.change(tx, id, changeOf(request, now)).catch((error: unknown) => {
      if (constraintOf(error) !== "principals_name") throw error;
      throw new DomainError("exists", `there is a ${row.kind} ${request.name} already`, { cause: error });
    });
    if (changed === undefined) throw missing(id);
    const empowers = request.addMembers.length > 0 || (!row.enabled && changed.enabled);
    if (empowers) await refuseBeyond(tx, platform, changed, caller);
    return changed;
  });
}

/** Tenants are locked before their teams: who gives a team a role does it in that order, too. */
async function lockTenantOf(tx: Database, login: string | undefined, id: string): Promise<void> {
  const tenant = (await directoryStore.find(tx, login, id))?.tenant;
  if (tenant) await memberStore.lockTenant(tx, tenant);
}

/**
 * Refuses to let somebody join a team, or a disabled team or bot act again, that may do more than the calling token:
 * of a bot what it may do in its tenant, as with its credentials. Judged as it would be, under the lock: while it is
 * disabled it has no rights to compare.
 */
async function refuseBeyond(
  tx: Database,
  { methods }: Platform,
  { id, kind, tenant }: PrincipalRow,
  { granted }: Caller,
): Promise<void> {
  const rights = (await loadRights(tx, id, methods))?.rights;
  if (rights === undefined) return;
  const isBot = kind === "bot" && tenant !== null;
  const wanted = isBot ? rightsWithin(rights, tenant, await credentialStore.projectsOf(tx, tenant)) : rights;
  const beyond = firstBeyond(wanted, granted);
  if (beyond === undefined) return;
  throw new DomainError("denied", `the ${kind} has ${beyond}, which the calling token does not give`);
}

async function changeMembers(
  tx: Database,
  { addMembers, removeMembers }: PrincipalServiceUpdateRequest,
  { id, tenant }: PrincipalRow,
  now: Date,
): Promise<void> {
  await directoryStore.removeMembers(tx, id, removeMembers);
  if (tenant !== null) await joinTeam(tx, tenant, { team: id, members: addMembers, now });
}

function changeOf(request: PrincipalServiceUpdateRequest, updatedAt: Date): PrincipalChange {
  const { name, description, enabled, adminRole, tags } = request;
  return {
    updatedAt,
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(enabled === undefined ? {} : { enabled }),
    ...(adminRole === undefined ? {} : { adminRole: adminRoleName(adminRole) ?? null }),
    ...(tags === undefined ? {} : { tags: tags.values }),
  };
}

const missing = (id: string): DomainError => new DomainError("missing", `principal ${id} does not exist`);
