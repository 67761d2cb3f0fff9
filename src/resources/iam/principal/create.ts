import type { PrincipalServiceCreateRequest } from "../../../../gen/ts/iam/v1/principal_pb.js";
import type { Caller } from "../../../caller.js";
import type { Database } from "../../../db/database.js";
import { constraintOf } from "../../../db/errors.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { memberStore } from "../../api/member/store.js";
import { ensurePersonalTenant } from "../../api/tenant/personal.js";
import { giveDefaultRoles } from "../../deploy/settings/default-roles.js";
import { directoryStore, type NewPrincipal } from "./directory-store.js";
import { principalKindName } from "./messages.js";
import { refuseToMakeUser, refuseUnfit } from "./rules.js";
import type { PrincipalRow } from "./store.js";

/** Most bots of one tenant, and most teams. */
export const mostOfKind = 200;

/** Makes a bot or team of a tenant, or a user with a personal tenant and its default project. */
export async function createPrincipal(
  platform: Platform,
  request: PrincipalServiceCreateRequest,
  caller: Caller,
): Promise<PrincipalRow> {
  const kind = principalKindName(request.kind);
  if (kind === undefined || kind === "group") throw invalidField("kind", "must be a user, a bot or a team");
  refuseUnfit(request, kind);
  if (kind === "user") refuseToMakeUser(caller);
  const { name, email, description, tags, login, members } = request;
  const now = platform.clock();
  const row = { kind, name, email, description, tags, createdBy: caller.user, createdAt: now, updatedAt: now };
  return await platform.db.transaction(async (tx) => {
    if (kind === "user") return await insertUser(platform, tx, { ...row, id: name });
    await demandRoom(tx, login, kind);
    const made = await insert(tx, { ...row, id: platform.newId(), tenant: login });
    await joinTeam(tx, login, { team: made.id, members, now });
    if (kind === "team") {
      await giveDefaultRoles(tx, { tenant: login, principal: made.id, event: "team_created", now });
    }
    return made;
  });
}

async function demandRoom(tx: Database, tenant: string, kind: "bot" | "team"): Promise<void> {
  // Two who make the last one come one by one.
  await memberStore.lockTenant(tx, tenant);
  if ((await directoryStore.count(tx, tenant, kind)) < mostOfKind) return;
  throw new DomainError("exhausted", `tenant ${tenant} has ${mostOfKind} ${kind}s already: delete one first`);
}

/** Puts members into a team; throws "missing" for who is neither a member nor a bot of the tenant, and for teams. */
export async function joinTeam(
  tx: Database,
  tenant: string,
  { team, members, now }: { readonly team: string; readonly members: readonly string[]; readonly now: Date },
): Promise<void> {
  if (members.length === 0) return;
  // Whoever is leaving the tenant at this moment must not stay in the team.
  await memberStore.lockTenant(tx, tenant);
  const eligible = await directoryStore.eligible(tx, tenant, members);
  const stranger = members.find((member) => !eligible.has(member));
  if (stranger !== undefined) {
    throw new DomainError("missing", `no user or bot ${stranger.slice(0, 256)} is in tenant ${tenant}`);
  }
  await directoryStore.addMembers(tx, team, members, now);
}

async function insertUser(platform: Platform, tx: Database, user: NewPrincipal): Promise<PrincipalRow> {
  const row = await insert(tx, user);
  const admitted = platform.settings.admitTenants === "automatic";
  await ensurePersonalTenant(tx, user.id, { now: user.createdAt, newId: platform.newId, admitted });
  return row;
}

async function insert(tx: Database, row: NewPrincipal): Promise<PrincipalRow> {
  return await directoryStore.insert(tx, row).catch((error: unknown) => {
    const taken = new DomainError("exists", `there is a ${row.kind} ${row.name} already`, { cause: error });
    switch (constraintOf(error)) {
      case "principals_name":
      case "principals_pkey":
        throw taken;
      case "principals_tenant_tenants_login_fk":
        throw new DomainError("missing", `tenant ${row.tenant} does not exist`, { cause: error });
      default:
        throw error;
    }
  });
}
