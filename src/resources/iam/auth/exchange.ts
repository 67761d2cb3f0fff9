import type {
  AuthorizationCodeGrant,
  ClientCredentialsGrant,
  RefreshTokenGrant,
} from "../../../../gen/ts/iam/v1/auth_pb.js";
import { digestOf, newSecret, sameDigest, uuidOfSecret } from "../../../auth/secrets.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import type { SignedToken } from "../../api/token/issue.js";
import { tokenStore } from "../../api/token/store.js";
import { type CredentialRow, credentialStore } from "../credential/store.js";
import { principalStore } from "../principal/store.js";
import { after, type OpenedSession, type RenewedBy, sessionAccess, signAccess } from "./sessions.js";
import { loginCodeStore, sessionStore } from "./store.js";

/** What a proof of identity brings; bots have no session. */
export type Exchanged = OpenedSession | { readonly principal: string; readonly access: SignedToken };

/**
 * Trades the code of a sign-in. A code that comes again is in two hands: it ends
 * the session that it has opened.
 */
export async function exchangeCode(
  platform: Platform,
  { code, codeVerifier }: Pick<AuthorizationCodeGrant, "code" | "codeVerifier">,
  renewedBy: RenewedBy,
): Promise<OpenedSession> {
  const { db, clock, settings } = platform;
  const now = clock();
  const id = uuidOfSecret("loginCode", code);
  const digest = digestOf(code);
  const found = id === undefined ? undefined : await loginCodeStore.get(db, digest);
  if (id === undefined || found === undefined) throw unproven();
  if (found.usedAt !== null) return await endSession(platform, id);
  if (found.expiresAt <= now || !sameDigest(digestOf(codeVerifier), found.codeChallenge)) throw unproven();
  await demandEnabled(platform, found.principal);
  const expiresAt = after(now, settings.sessionSeconds);
  const session = { id, principal: found.principal, expiresAt };
  const { secret: renewal, digest: refreshDigest } = newSecret(renewedBy, id);
  const access = await signAccess(platform, sessionAccess(settings, session, now));
  const isOpen = await db.transaction(async (tx) => {
    if (!(await loginCodeStore.use(tx, digest, now))) return false;
    if (!(await sessionStore.open(tx, id, { refreshDigest, expiresAt, now }))) return false;
    await tokenStore.insert(tx, access.row);
    return true;
  });
  return isOpen ? { principal: found.principal, access, renewal, expiresAt } : await endSession(platform, id);
}

/**
 * Trades a refresh token for the next one. One that does not hold any more is in
 * two hands, or was used twice at once: either ends the session that it names.
 */
export async function exchangeRefreshToken(
  platform: Platform,
  { refreshToken: spent }: RefreshTokenGrant,
): Promise<Exchanged> {
  const { db, clock, settings } = platform;
  const now = clock();
  const id = uuidOfSecret("refreshToken", spent);
  const session = id === undefined ? undefined : await sessionStore.get(db, id, now);
  if (id === undefined || session === undefined) throw unproven();
  const held = digestOf(spent);
  // What names the session's uuid was made by this server: nobody else is told of it.
  if (!sameDigest(held, session.refreshDigest ?? "")) return await endSession(platform, id);
  await demandEnabled(platform, session.principal);
  const { principal, expiresAt } = session;
  const { secret: renewal, digest: next } = newSecret("refreshToken", id);
  const access = await signAccess(platform, sessionAccess(settings, session, now));
  const isRenewed = await db.transaction(async (tx) => {
    if (!(await sessionStore.renew(tx, id, { held, next, now }))) return false;
    await tokenStore.insert(tx, access.row);
    return true;
  });
  return isRenewed ? { principal, access, renewal, expiresAt } : await endSession(platform, id);
}

/** Trades the client secret of a bot. The token does not outlive the secret. */
export async function exchangeClientSecret(
  platform: Platform,
  { clientId, clientSecret }: ClientCredentialsGrant,
): Promise<Exchanged> {
  const { db, clock, settings, credentialUses } = platform;
  const now = clock();
  const id = uuidOfSecret("clientSecret", clientSecret);
  const row = id === undefined ? undefined : await credentialStore.usable(db, id, now);
  if (row === undefined || row.principal !== clientId) throw unproven();
  const end = endOfSecret(row, digestOf(clientSecret), now);
  if (end === undefined) throw unproven();
  await demandEnabled(platform, clientId);
  const left = Math.floor((end.getTime() - now.getTime()) / 1_000);
  if (left < 1) throw unproven();
  const seconds = Math.min(settings.accessTokenSeconds, left);
  const order = { owner: clientId, description: `client secret ${row.name}`, now, seconds, session: undefined };
  const access = await signAccess(platform, order);
  await tokenStore.insert(db, access.row);
  credentialUses.note(row.id);
  return { principal: clientId, access };
}

const never = new Date(8_640_000_000_000_000);

/** Until when a client secret holds, be it the present or the previous one; undefined when it is neither. */
function endOfSecret(row: CredentialRow, digest: string, now: Date): Date | undefined {
  if (row.kind !== "client_secret") return undefined;
  const end = row.expiresAt ?? never;
  if (sameDigest(digest, row.digest ?? "")) return end;
  const { previousDigest, previousUntil } = row;
  if (previousUntil === null || previousUntil <= now || !sameDigest(digest, previousDigest ?? "")) return undefined;
  return previousUntil < end ? previousUntil : end;
}

/** Ends a session whose code or refresh token came twice, and refuses. */
async function endSession({ db, clock }: Platform, id: string): Promise<never> {
  await sessionStore.end(db, id, clock());
  throw unproven();
}

/** Only said to who has proved to be that principal. */
export async function demandEnabled({ db }: Pick<Platform, "db">, principal: string): Promise<void> {
  const row = await principalStore.get(db, principal);
  if (row?.enabled !== true) throw new DomainError("unauthenticated", "this account is disabled");
}

/** The same words for whatever is unknown, wrong, used or expired: nobody learns which. */
export function unproven(): DomainError {
  return new DomainError(
    "unauthenticated",
    "the proof of identity does not hold: it is wrong, was used, or has expired",
  );
}
