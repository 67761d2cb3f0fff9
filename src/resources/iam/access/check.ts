import type { AccessServiceCheckRequest } from "../../../../gen/ts/iam/v1/access_pb.js";
import type { Caller, Rights } from "../../../caller.js";
import { invalidField } from "../../../errors.js";
import type { CallDecision, Platform } from "../../../platform.js";
import { callerWith, noRights } from "./built-in.js";
import { heldGround } from "./ground.js";
import { aboutScope, scopeOf } from "./scope.js";

/** Whether a call would be let through, and why. */
export interface Answer {
  readonly allowed: boolean;
  readonly reason: string;
}

/** Tells whether a principal, or the calling token, may call a method in a scope: by the rule of every call. */
export async function check(platform: Platform, request: AccessServiceCheckRequest, caller: Caller): Promise<Answer> {
  const scope = scopeOf(request);
  const method = methodPath(request.method);
  const { principal } = request;
  const rights = principal === "" ? undefined : shownTo(caller, principal, await platform.rightsOf(principal));
  const asked = principal === "" ? caller : callerWith(rights ?? noRights, principal);
  const decision = platform.methods.decide(asked, method, aboutScope(scope));
  if (decision === undefined) throw invalidField("method", "there is no such method: ListPermissions names them");
  if (principal !== "" && rights === undefined) {
    return { allowed: false, reason: "no enabled principal has this id" };
  }
  if (!decision.allowed) return { allowed: false, reason: decision.message };
  const common = commonGrounds[decision.ground];
  if (common !== undefined) return { allowed: true, reason: common };
  if (principal !== "") return { allowed: true, reason: await heldGround(platform, { principal, scope, method }) };
  const byRoles = platform.methods.decide({ ...asked, permissions: new Map() }, method, aboutScope(scope));
  return { allowed: true, reason: tokenGround(decision, byRoles) };
}

/** The admin role shows to its holder and to operators only: to others it is as if there were none. */
function shownTo({ user, granted }: Caller, principal: string, rights: Rights | undefined): Rights | undefined {
  if (rights === undefined || granted.adminRole !== undefined || user === principal) return rights;
  return { ...rights, adminRole: undefined };
}

const commonGrounds: Readonly<Record<string, string>> = {
  public: "public method: everybody may call it",
  self: "any valid token may call it, about what is the caller's own",
  "admin role": "the admin role",
};

function tokenGround({ ground }: Extract<CallDecision, { allowed: true }>, byRoles: CallDecision | undefined): string {
  return byRoles?.allowed === true
    ? `the ${ground} of the calling token`
    : `a single permission of the calling token, and the ${ground} of its owner`;
}

/** The path of a method that is named in either form: "api.v1.ClusterService.Get" is "/api.v1.ClusterService/Get". */
function methodPath(named: string): string {
  if (named.startsWith("/")) return named;
  const end = named.lastIndexOf(".");
  return end === -1 ? named : `/${named.slice(0, end)}/${named.slice(end + 1)}`;
}
