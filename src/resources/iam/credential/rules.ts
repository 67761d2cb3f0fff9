import { firstBeyond, projectOf } from "../../../auth/rights.js";
import type { Caller, Rights } from "../../../caller.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { PrincipalRow } from "../principal/store.js";
import type { CredentialKindName } from "./store.js";

/** The part of someone's rights that lies in a tenant and its projects; the admin role does not. */
export function rightsWithin(rights: Rights, tenant: string, projects: readonly string[]): Rights {
  const inside = new Set(projects);
  const only = <T>(held: ReadonlyMap<string, T>, holds: (subject: string) => boolean) =>
    new Map([...held].filter(([subject]) => holds(subject)));
  const isTenant = (subject: string) => subject === tenant;
  const isInside = (subject: string) => inside.has(projectOf(subject));
  return {
    adminRole: undefined,
    tenantRoles: only(rights.tenantRoles, isTenant),
    projectRoles: only(rights.projectRoles, isInside),
    partRoles: only(rights.partRoles, isInside),
    projectMethods: only(rights.projectMethods, isInside),
    tenantMethods: only(rights.tenantMethods, isTenant),
  };
}

/**
 * Refuses to hand out a secret that is worth more than the calling token: for oneself all that one may do but the
 * admin role, for a bot or team of the tenant what it may do there.
 */
export function refuseBeyondToken(
  caller: Pick<Caller, "user" | "owner" | "granted">,
  principal: string,
  within: Rights,
): void {
  const wanted = principal === caller.user ? { ...caller.owner, adminRole: undefined } : within;
  const beyond = firstBeyond(wanted, caller.granted);
  if (beyond === undefined) return;
  throw new DomainError("denied", `the credential would carry ${beyond}, which the calling token does not`);
}

/** Whether someone who calls as `user` reaches that principal's credentials under that tenant. */
export function reaches(user: string, login: string, principal: Pick<PrincipalRow, "id" | "kind" | "tenant">): boolean {
  if (principal.kind === "user") return principal.id === login && principal.id === user;
  return principal.tenant === login;
}

/** Refuses a credential of a kind that its principal cannot use, or with fields of another kind. */
export function refuseUnfit(kind: CredentialKindName, owner: PrincipalRow["kind"], publicKey: string): void {
  if (kind === "client_secret" && owner !== "bot") {
    throw new DomainError("precondition", "only bots have client secrets: make an API key");
  }
  if (kind === "ssh_public_key" && publicKey === "") throw invalidField("public_key", "an SSH key needs it");
  if (kind !== "ssh_public_key" && publicKey !== "") throw invalidField("public_key", "only an SSH key has one");
}
