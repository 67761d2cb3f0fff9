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

/** Finds out who calls, from the token of the call. */
export interface Principals {
  /** The caller that a JWT names; throws "unauthenticated" when the token does not hold (any more). */
  authenticate(jwt: string): Promise<Caller>;
  /** The same past the cache: for a caller who seems to lack a right that may be new. */
  refresh(jwt: string): Promise<Caller>;
  close(): void;
}

interface Entry {
  readonly caller: Caller;
  readonly expiresAt: number;
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
  const entries = new Map<string, Entry>();
  // Counts what the feed reported: an entry that was read before a report is not kept.
  let reports = 0;

  const forget = (outdated: (caller: Caller) => boolean): void => {
    reports += 1;
    for (const [key, entry] of entries) if (outdated(entry.caller)) entries.delete(key);
  };
  const follow = (topic: string, outdated: (change: Change, caller: Caller) => boolean): (() => void) =>
    deps.feed.subscribe(topic, (batch) =>
      forget((caller) => batch === "resync" || batch.some((change) => outdated(change, caller))),
    );
  const unsubscribe = [
    follow("token", (change, caller) => change.key === caller.tokenId),
    follow("user", (change, caller) => change.key === caller.user),
    follow("tenant_member", (change, caller) => change.scope === caller.user),
    follow("project_member", (change, caller) => change.scope === caller.user),
    follow("project", (change, caller) => caller.owner.tenantRoles.has(change.scope)),
  ];

  const refresh = async (jwt: string): Promise<Caller> => {
    const reportsBefore = reports;
    const claims = await deps.tokens.verify(jwt);
    const caller = await loadCaller(deps.db, claims, deps.clock());
    if (reports === reportsBefore) {
      const oldest = entries.size >= maxCached ? entries.keys().next().value : undefined;
      if (oldest !== undefined) entries.delete(oldest);
      entries.set(keyOf(jwt), { caller, expiresAt: claims.expiresAt.getTime() });
    }
    return caller;
  };

  return {
    refresh,
    async authenticate(jwt) {
      const now = deps.clock().getTime();
      const feedIsFresh = now - deps.feed.status().lastReadAt.getTime() < maxFeedSilenceMs;
      const entry = feedIsFresh ? entries.get(keyOf(jwt)) : undefined;
      return entry !== undefined && now < entry.expiresAt ? entry.caller : refresh(jwt);
    },
    close() {
      for (const stop of unsubscribe) stop();
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
  const base = { user: token.owner, tokenId: token.id, tokenType: token.type, owner };
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
