import { DomainError } from "../../errors.js";
import type { Platform } from "../../platform.js";
import { tokenStore } from "../../resources/api/token/store.js";
import { demandEnabled } from "../../resources/iam/auth/exchange.js";
import { type OpenedSession, sessionAccess, signAccess } from "../../resources/iam/auth/sessions.js";
import { type SessionRow, sessionStore } from "../../resources/iam/auth/store.js";
import { digestOf, sameDigest, uuidOfSecret } from "../secrets.js";

/**
 * The next access token of a browser's session. Unlike a refresh token the cookie stays as it is, so that tabs may ask
 * at once, and again when an answer was lost. The token is stored with a write to the session: whatever ends the
 * session at the same moment ends this token, too.
 */
export async function renewByCookie(platform: Platform, cookie: string): Promise<OpenedSession> {
  const { db, clock, settings } = platform;
  const now = clock();
  const session = await sessionOf(platform, cookie, now);
  if (session === undefined) throw signedOut();
  await demandEnabled(platform, session.principal);
  const order = sessionAccess(settings, session, now);
  // In its last second nothing is left for a token.
  if (order.seconds < 1) throw signedOut();
  const access = await signAccess(platform, order);
  const held = digestOf(cookie);
  const isRenewed = await db.transaction(async (tx) => {
    if (!(await sessionStore.renew(tx, session.id, { held, next: held, now }))) return false;
    await tokenStore.insert(tx, access.row);
    return true;
  });
  if (!isRenewed) throw signedOut();
  const { principal, expiresAt } = session;
  return { principal, access, renewal: cookie, expiresAt };
}

/** Ends the session of a cookie, with all its tokens; answers whose it was, or undefined when there is none. */
export async function endByCookie(platform: Platform, cookie: string): Promise<string | undefined> {
  const { db, clock } = platform;
  const session = await sessionOf(platform, cookie, clock());
  if (session === undefined) return undefined;
  await sessionStore.end(db, session.id, clock());
  return session.principal;
}

/** The session that goes on and that this cookie renews. A cookie that does not fit proves nothing, and ends nothing. */
async function sessionOf({ db }: Platform, cookie: string, now: Date): Promise<SessionRow | undefined> {
  const id = uuidOfSecret("browserCookie", cookie);
  const session = id === undefined ? undefined : await sessionStore.get(db, id, now);
  return session !== undefined && sameDigest(digestOf(cookie), session.refreshDigest ?? "") ? session : undefined;
}

/** The same words for no cookie, an unknown one, and a session that is over. */
function signedOut(): DomainError {
  return new DomainError("unauthenticated", "nobody is signed in here, or the session is over: sign in");
}
