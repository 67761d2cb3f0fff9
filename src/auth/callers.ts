import type { Caller, Rights } from "../caller.js";
import type { Database } from "../db/database.js";
import { DomainError } from "../errors.js";
import { tokenStore } from "../resources/api/token/store.js";
import { credentialStore } from "../resources/iam/credential/store.js";
import { grantsOf } from "./grants.js";
import { loadRights, type PrincipalRights } from "./load-rights.js";
import { cutToOwner, expandPermissions, type MethodRules } from "./rights.js";
import { digestOf, sameDigest, uuidOfSecret } from "./secrets.js";
import type { Tokens } from "./tokens.js";

/** What is needed to find out whose a token is. */
export interface CallerSources {
  readonly db: Database;
  readonly tokens: Tokens;
  readonly clock: () => Date;
  readonly rules: MethodRules;
}

/** Reads who calls with a token or API key, and what it gives; throws "unauthenticated" when it does not hold. */
export async function loadCaller(sources: CallerSources, secret: string): Promise<Caller> {
  const key = uuidOfSecret("apiKey", secret);
  return key === undefined ? await ofToken(sources, secret) : await ofApiKey(sources, key, secret);
}

/**
 * Reads a caller again, past any cache: for what outlives the call, such as another token. Throws
 * "unauthenticated" when the token or the API key does not hold any more.
 */
export async function reloadCaller(
  sources: Omit<CallerSources, "tokens">,
  { user, tokenId, tokenType, grants, expiresAt }: Caller,
): Promise<Caller> {
  const { db, clock, rules } = sources;
  if (tokenType === "console" || grants !== undefined) return await ofStoredToken(sources, user, tokenId);
  const row = await credentialStore.usable(db, tokenId, clock());
  if (row === undefined || row.principal !== user) throw refused(noKey);
  const { rights: owner, teams } = await loadOwner(db, user, rules);
  return { user, teams, tokenId, tokenType, expiresAt, owner, ...carryingAll(owner) };
}

async function ofToken(sources: CallerSources, jwt: string): Promise<Caller> {
  const { user, tokenId, type } = await sources.tokens.verify(jwt);
  const caller = await ofStoredToken(sources, user, tokenId);
  if (caller.tokenType !== type) throw refused("its type claim does not hold");
  return caller;
}

async function ofStoredToken(
  { db, clock, rules }: Omit<CallerSources, "tokens">,
  principal: string,
  id: string,
): Promise<Caller> {
  const token = await tokenStore.get(db, principal, id, clock());
  if (token === undefined) throw refused("it was revoked, or there is no such token");
  const { rights: owner, teams } = await loadOwner(db, principal, rules);
  const { owner: user, id: tokenId, type: tokenType, expiresAt } = token;
  const base = { user, teams, tokenId, tokenType, expiresAt, owner };
  if (token.type === "console") return { ...base, ...carryingAll(owner) };
  const grants = grantsOf(token);
  const permissions = expandPermissions(grants.permissions, owner);
  return { ...base, grants, granted: cutToOwner(grants, owner, rules), permissions };
}

async function ofApiKey({ db, clock, rules }: CallerSources, id: string, key: string): Promise<Caller> {
  const row = await credentialStore.usable(db, id, clock());
  const digest = digestOf(key);
  if (row?.kind !== "api_key" || row.digest === null) throw refused(noKey);
  const isCurrent = sameDigest(digest, row.digest);
  const previousUntil = row.previousUntil !== null && row.previousUntil > clock() ? row.previousUntil : undefined;
  const isPrevious = previousUntil !== undefined && sameDigest(digest, row.previousDigest ?? "");
  if (!isCurrent && !isPrevious) throw refused(noKey);
  const { rights: owner, teams } = await loadOwner(db, row.principal, rules);
  const expiresAt = earliest(row.expiresAt ?? undefined, isCurrent ? undefined : previousUntil);
  return { user: row.principal, teams, tokenId: row.id, tokenType: "api", expiresAt, owner, ...carryingAll(owner) };
}

async function loadOwner(db: Database, principal: string, rules: MethodRules): Promise<PrincipalRights> {
  const loaded = await loadRights(db, principal, rules);
  if (loaded === undefined) throw refused("its owner is disabled or gone");
  return loaded;
}

/** All that the owner has but the admin role. */
function carryingAll(owner: Rights): Pick<Caller, "grants" | "granted" | "permissions"> {
  return { grants: undefined, granted: { ...owner, adminRole: undefined }, permissions: new Map() };
}

function earliest(a: Date | undefined, b: Date | undefined): Date | undefined {
  if (a === undefined) return b;
  return b === undefined || a < b ? a : b;
}

const noKey = "there is no such API key, or it was disabled";

const refused = (reason: string): DomainError =>
  new DomainError("unauthenticated", `the token is not valid: ${reason}`);
