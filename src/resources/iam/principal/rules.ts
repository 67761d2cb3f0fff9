import { TenantRole } from "../../../../gen/ts/api/v1/common_pb.js";
import type {
  PrincipalServiceCreateRequest,
  PrincipalServiceUpdateRequest,
} from "../../../../gen/ts/iam/v1/principal_pb.js";
import { atLeast, firstBeyond, isAdminEditor } from "../../../auth/rights.js";
import type { Caller } from "../../../caller.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { PrincipalRow } from "./store.js";

/** How much of a principal is shown: its name; also how to reach it and who belongs to it; all. */
export type View = "name" | "contact" | "all";

type Who = Pick<Caller, "user" | "granted">;

/**
 * What a caller sees of a principal through a tenant: all of oneself and of the tenant's own bots and teams; of
 * others the name, and as owner or editor of the tenant how to reach them. Operators see all.
 */
export function viewOf({ user, granted }: Who, login: string, row: Pick<PrincipalRow, "id" | "tenant">): View {
  if (granted.adminRole || user === row.id || row.tenant === login) return "all";
  return atLeast(granted.tenantRoles.get(login), TenantRole.EDITOR) ? "contact" : "name";
}

/** Refuses what does not fit the kind that is to be made. */
export function refuseUnfit(request: PrincipalServiceCreateRequest, kind: "user" | "bot" | "team"): void {
  const { login, email, members } = request;
  if (kind === "user" && login !== "") throw invalidField("login", "must be empty for a user");
  if (kind !== "user" && login === "") throw invalidField("login", `must name the tenant of the ${kind}`);
  if (kind !== "user" && email !== "") throw invalidField("email", "only users have one");
  if (kind !== "team" && members.length > 0) throw invalidField("members", "only teams have members");
}

/** Refuses to make a user for anybody but operators who may change everything. */
export function refuseToMakeUser({ granted }: Pick<Caller, "granted">): void {
  if (!isAdminEditor(granted)) throw denied("only operators make users: others sign in or accept an invitation");
}

/** Names of bots and teams, as the contract says for new ones. */
const handle = /^[a-z0-9]([a-z0-9._@-]{0,62}[a-z0-9])$/;

/** Refuses a change that is not the caller's to make, or does not fit the principal. */
export function refuseChange(request: PrincipalServiceUpdateRequest, caller: Who, row: PrincipalRow): void {
  refuseForeign(request, caller, row);
  const { name, adminRole, addMembers, removeMembers } = request;
  if (adminRole !== undefined && row.kind !== "user") throw invalidField("admin_role", "only users have one");
  if (row.kind !== "team" && addMembers.length > 0) throw invalidField("add_members", "only teams have members");
  if (row.kind !== "team" && removeMembers.length > 0) throw invalidField("remove_members", "only teams have members");
  if (name !== undefined && (row.kind === "bot" || row.kind === "team") && !handle.test(name)) {
    throw invalidField("name", "must be lower-case letters, digits and ._@- between them");
  }
  if (row.kind === "team" && !row.enabled && addMembers.length > 0) {
    throw new DomainError("precondition", "the team is disabled: enable it before somebody joins");
  }
}

function refuseForeign(request: PrincipalServiceUpdateRequest, { user, granted }: Who, row: PrincipalRow): void {
  if (isAdminEditor(granted)) return;
  const { login, enabled, adminRole, tags } = request;
  if (adminRole !== undefined) throw denied("only operators give and take the admin role");
  if (row.tenant === login) return;
  if (row.kind !== "user") throw denied(`${row.kind} ${row.id} does not belong to tenant ${login}`);
  if (user !== row.id || login !== row.id) {
    throw denied("the account of a user is changed by that user, through the personal tenant, or by operators");
  }
  if (enabled !== undefined) throw denied("only operators enable and disable users");
  if (tags !== undefined) throw denied("only operators tag users");
}

/** Refuses a deletion that is not the caller's to order. */
export function refuseDelete(caller: Who & Pick<Caller, "owner">, login: string, row: PrincipalRow): void {
  if (isAdminEditor(caller.granted) || (row.tenant !== null && row.tenant === login)) return;
  if (row.kind !== "user") throw denied(`${row.kind} ${row.id} does not belong to tenant ${login}`);
  if (caller.user !== row.id || login !== row.id) {
    throw denied("a user is deleted by that user, through the personal tenant, or by operators");
  }
  const beyond = firstBeyond({ ...caller.owner, adminRole: undefined }, caller.granted);
  if (beyond !== undefined)
    throw denied(`deleting the account needs a token that carries all: this one lacks ${beyond}`);
}

const denied = (message: string): DomainError => new DomainError("denied", message);
