import { hash } from "node:crypto";
import type { Caller, Rights } from "../caller.js";
import type { Change } from "../changes/change.js";
import type { ChangeFeed } from "../changes/feed.js";
import type { Database } from "../db/database.js";
import { DomainError } from "../errors.js";
import { adminRoles, projectRoles, tenantRoles } from "../resources/api/roles.js";
import { type TokenRow, tokenStore } from "../resources/api/token/store.js";
import { type MembershipRows, userStore } from "../resources/api/user/store.js";
import { cutToOwner, expandPermissions, type Grants, rightsOf } from "./rights.js";
import type { TokenClaims, Tokens } from "./tokens.js";

const maxCached = 10_000;
/** How long the cache is believed while the change feed does not answer. */
const maxFeedSilenceMs = 5_000;
/** How often the streams of expired tokens are looked for. */
const expiryCheckMs = 1_000;
/** Reports that are remembered, to be held against what was read before they came. */
const maxReports = 100;

/** Finds out who calls, from the token of the call. */
export interface Principals {
  /** The caller that a JWT names; throws "unauthenticated" when the token does not hold (any more). */
  authenticate(jwt: string): Promise<Caller>;
  /** The same past the cache: for a caller who seems to lack a right that may be new. */
  refresh(jwt: string): Promise<Caller>;
  /** Calls `onOutdated` once when the caller may have changed, or the token has expired; answers how to stop. */
  watch(caller: Caller, onOutdated: () => void): () => void;
  close(): void;
}

/** Something that the feed told, and whom it concerns. */
interface Report {
  readonly number: number;
  concerns(caller: Caller): boolean;
}

/**
 * Callers by token, kept in memory and dropped as soon as the change feed
 * reports their token, their memberships or a project of their tenants.
 */
export function createPrincipals(deps: {
  readonly db: Database;
  readonly feed: ChangeFeed;
  readonly tokens: Tokens;
  readonly clock: () => Date;
}): Principals {
  const { db, feed, tokens, clock } = deps;
  const cached = new Map<string, Caller>();
  const loading = new Map<string, { readonly since: number; readonly caller: Promise<Caller> }>();
  /** The number of the last report before each caller was read. */
  const readAfter = new WeakMap<Caller, number>();
  const watchers = createWatchers(clock);
  const reports: Report[] = [];
  let last = 0;

  const isOutdated = (caller: Caller): boolean => {
    const since = readAfter.get(caller) ?? -1;
    return since < last - reports.length || reports.some((r) => r.number > since && r.concerns(caller));
  };
  const take = (concerns: Report["concerns"]): void => {
    last += 1;
    reports.push({ number: last, concerns });
    if (reports.length > maxReports) reports.shift();
    for (const [key, caller] of cached) if (concerns(caller)) cached.delete(key);
    watchers.wake(concerns);
  };
  const stopFollowing = followCallers(feed, take);

  const load = async (jwt: string): Promise<Caller> => {
    const since = last;
    const caller = await loadCaller(db, await tokens.verify(jwt), clock());
    readAfter.set(caller, since);
    if (!isOutdated(caller)) {
      const oldest = cached.size >= maxCached ? cached.keys().next().value : undefined;
      if (oldest !== undefined) cached.delete(oldest);
      cached.set(keyOf(jwt), caller);
    }
    return caller;
  };
  /** Callers who come at once share one look at the database, unless a report came in between. */
  const loadOnce = (jwt: string): Promise<Caller> => {
    const key = keyOf(jwt);
    const under = loading.get(key);
    if (under !== undefined && under.since === last) return under.caller;
    const caller = load(jwt).finally(() => {
      if (loading.get(key)?.caller === caller) loading.delete(key);
    });
    loading.set(key, { since: last, caller });
    return caller;
  };

  return {
    refresh: load,
    async authenticate(jwt) {
      const now = clock().getTime();
      const feedIsFresh = now - feed.status().lastReadAt.getTime() < maxFeedSilenceMs;
      const caller = feedIsFresh ? cached.get(keyOf(jwt)) : undefined;
      return caller !== undefined && now < caller.expiresAt.getTime() ? caller : loadOnce(jwt);
    },
    watch(caller, onOutdated) {
      if (!isOutdated(caller)) return watchers.add(caller, onOutdated);
      queueMicrotask(onOutdated);
      return () => {};
    },
    close() {
      stopFollowing();
      watchers.close();
    },
  };
}

/** Turns changes of the tables that make a caller into reports. */
function followCallers(feed: ChangeFeed, take: (concerns: Report["concerns"]) => void): () => void {
  const follow = (topic: string, concerns: (change: Change, caller: Caller) => boolean): (() => void) =>
    feed.subscribe(topic, (batch) =>
      take((caller) => batch === "resync" || batch.some((change) => concerns(change, caller))),
    );
  const unsubscribe = [
    follow("token", (change, caller) => change.key === caller.tokenId),
    follow("user", (change, caller) => change.key === caller.user),
    follow("tenant_member", (change, caller) => change.scope === caller.user),
    follow("project_member", (change, caller) => change.scope === caller.user),
    follow("project", (change, caller) => caller.owner.tenantRoles.has(change.scope)),
  ];
  return () => {
    for (const stop of unsubscribe) stop();
  };
}

/** Who wants to hear when a caller is outdated: one timer for all of them, and none while there are none. */
function createWatchers(clock: () => Date) {
  const watchers = new Set<{ readonly caller: Caller; readonly onOutdated: () => void }>();
  let timer: NodeJS.Timeout | undefined;
  const wake = (concerns: (caller: Caller) => boolean): void => {
    for (const watcher of watchers) {
      if (!concerns(watcher.caller)) continue;
      watchers.delete(watcher);
      watcher.onOutdated();
    }
    if (watchers.size === 0) stopTimer();
  };
  const stopTimer = (): void => {
    clearInterval(timer);
    timer = undefined;
  };
  return {
    wake,
    add(caller: Caller, onOutdated: () => void): () => void {
      const watcher = { caller, onOutdated };
      watchers.add(watcher);
      timer ??= setInterval(() => wake(({ expiresAt }) => expiresAt <= clock()), expiryCheckMs);
      return () => {
        watchers.delete(watcher);
        if (watchers.size === 0) stopTimer();
      };
    },
    close() {
      watchers.clear();
      stopTimer();
    },
  };
}

/** The secret itself is not kept, only its digest. */
const keyOf = (jwt: string): string => hash("sha256", jwt, "base64url");

async function loadCaller(db: Database, claims: TokenClaims, now: Date): Promise<Caller> {
  const token = await tokenStore.get(db, claims.user, claims.tokenId, now);
  const memberships = token && (await userStore.memberships(db, claims.user));
  if (token === undefined || memberships === undefined) {
    throw new DomainError("unauthenticated", "the token is not valid: it was revoked");
  }
  return callerFrom(token, rightsFromRows(memberships));
}

/** What the rows of a user say that they may do. */
export function rightsFromRows(rows: MembershipRows): Rights {
  return rightsOf({
    adminRole: rows.adminRole === null ? undefined : adminRoles[rows.adminRole],
    tenants: rows.tenants.map(({ tenant, role }) => ({ tenant, role: tenantRoles[role] })),
    projects: rows.projects.map(({ project, tenant, role }) => ({
      project,
      tenant,
      role: role === null ? undefined : projectRoles[role],
    })),
  });
}

/** A console token carries all that its owner has but the admin role; an API token what it was given. */
function callerFrom(token: TokenRow, owner: Rights): Caller {
  const { owner: user, id: tokenId, type: tokenType, expiresAt } = token;
  const base = { user, tokenId, tokenType, expiresAt, owner };
  if (token.type === "console") {
    return { ...base, granted: { ...owner, adminRole: undefined }, permissions: new Map() };
  }
  const grants = grantsOf(token);
  return { ...base, granted: cutToOwner(grants, owner), permissions: expandPermissions(grants.permissions, owner) };
}

function grantsOf(token: TokenRow): Grants {
  return {
    adminRole: token.adminRole === null ? undefined : adminRoles[token.adminRole],
    projectRoles: new Map(Object.entries(token.projectRoles).map(([subject, role]) => [subject, projectRoles[role]])),
    tenantRoles: new Map(Object.entries(token.tenantRoles).map(([subject, role]) => [subject, tenantRoles[role]])),
    permissions: new Map(Object.entries(token.permissions)),
  };
}
