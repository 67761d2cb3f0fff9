import { newSecret } from "../../../auth/secrets.js";
import type { Tokens } from "../../../auth/tokens.js";
import type { Database } from "../../../db/database.js";
import type { PlatformSettings } from "../../../platform.js";
import { type SignedToken, signToken } from "../../api/token/issue.js";
import { tokenStore } from "../../api/token/store.js";
import { loginCodeStore, sessionStore } from "./store.js";

/** What renews a session: refresh tokens, each for one use, or the cookie of a browser, which holds as long as the session. */
export type RenewedBy = "refreshToken" | "browserCookie";

/** A code of a sign-in is good for so long. */
export const codeSeconds = 60;

/** What opening a session needs. */
export interface SessionSources {
  readonly db: Database;
  readonly tokens: Tokens;
  readonly clock: () => Date;
  readonly newId: () => string;
  readonly settings: Pick<PlatformSettings, "consoleTokenSeconds" | "sessionSeconds" | "accessTokenSeconds">;
}

/** An access token that shall be issued: whose, for how long, and in which session. */
export interface AccessOrder {
  readonly owner: string;
  readonly description: string;
  readonly now: Date;
  readonly seconds: number;
  /** Only bots have tokens without a session. */
  readonly session: string | undefined;
}

/** Signs a token of a sign-in, which carries all that its owner may do but the admin role. It is yet to be stored. */
export function signAccess(
  { tokens, newId }: Pick<SessionSources, "tokens" | "newId">,
  { session, ...order }: AccessOrder,
): Promise<SignedToken> {
  const nothing = { permissions: {}, projectRoles: {}, tenantRoles: {}, adminRole: null };
  return signToken(tokens, { ...order, ...nothing, id: newId(), type: "console", session: session ?? null });
}

/** Begins a session that is as long as its only token, and answers the token's secret. */
export async function openBrowserSession(
  sources: SessionSources,
  principal: string,
  provider: string,
): Promise<string> {
  const { db, clock, newId, settings } = sources;
  const now = clock();
  const session = newId();
  const seconds = settings.consoleTokenSeconds;
  const order = { owner: principal, description: `sign-in at ${provider}`, now, seconds, session };
  const { row, secret } = await signAccess(sources, order);
  await db.transaction(async (tx) => {
    await sessionStore.insert(tx, { id: session, principal, createdAt: now, expiresAt: after(now, seconds) });
    await tokenStore.insert(tx, row);
  });
  return secret;
}

/** Begins a session that waits for its code to be traded, and answers the code. */
export async function openCodeSession(
  { db, clock, newId }: SessionSources,
  principal: string,
  codeChallenge: string,
): Promise<string> {
  const now = clock();
  const session = newId();
  const { secret, digest } = newSecret("loginCode", session);
  // Nobody can use the session without the code: it goes with it, unless the code is traded.
  const expiresAt = after(now, codeSeconds);
  await db.transaction(async (tx) => {
    await sessionStore.insert(tx, { id: session, principal, createdAt: now, expiresAt });
    await loginCodeStore.insert(tx, { digest, session, codeChallenge, expiresAt });
  });
  return secret;
}

/**
 * Begins a session of somebody who has proved to be that user, with its first
 * access token and what renews it; undefined when the proof does not hold any more.
 */
export async function openSession(
  sources: SessionSources,
  principal: string,
  renewedBy: RenewedBy,
  stillHolds: (tx: Database) => Promise<boolean>,
): Promise<OpenedSession | undefined> {
  const { db, clock, newId, settings } = sources;
  const now = clock();
  const id = newId();
  const expiresAt = after(now, settings.sessionSeconds);
  const { secret: renewal, digest: refreshDigest } = newSecret(renewedBy, id);
  const access = await signAccess(sources, sessionAccess(settings, { id, principal, expiresAt }, now));
  return await db.transaction(async (tx) => {
    if (!(await stillHolds(tx))) return undefined;
    await sessionStore.insert(tx, { id, principal, refreshDigest, createdAt: now, expiresAt });
    await tokenStore.insert(tx, access.row);
    return { principal, access, renewal, expiresAt };
  });
}

/** A session's newest access token, and what brings the next one. */
export interface OpenedSession {
  readonly principal: string;
  readonly access: SignedToken;
  /** A refresh token, or the value of a browser's cookie. */
  readonly renewal: string;
  /** When the session ends. */
  readonly expiresAt: Date;
}

/** The order of a session's next access token, which ends with the session at the latest. */
export function sessionAccess(
  { accessTokenSeconds }: SessionSources["settings"],
  session: { readonly id: string; readonly principal: string; readonly expiresAt: Date },
  now: Date,
): AccessOrder {
  const { id, principal: owner, expiresAt } = session;
  const left = Math.floor((expiresAt.getTime() - now.getTime()) / 1_000);
  return { owner, description: "session", now, seconds: Math.min(accessTokenSeconds, left), session: id };
}

/** A time so many seconds later. */
export function after(now: Date, seconds: number): Date {
  return new Date(now.getTime() + seconds * 1_000);
}
