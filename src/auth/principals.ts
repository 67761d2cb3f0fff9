import type { Caller } from "../caller.js";
import type { Change } from "../changes/change.js";
import type { ChangeFeed } from "../changes/feed.js";
import { DomainError } from "../errors.js";
import { createCallerWatchers, watchIntervalMs } from "./caller-watchers.js";
import { type CallerSources, loadCaller } from "./callers.js";
import { tokenDigest } from "./token-digest.js";

const maxCached = 10_000;
/** Reports that are remembered, to be held against what was read before they came. */
const maxReports = 100;

/** Finds out who calls, from the token of the call. */
export interface Principals {
  /**
   * The caller that a JWT names, at once where it is cached; rejects with "unauthenticated" when the token does not
   * hold (any more).
   */
  authenticate(jwt: string): Caller | Promise<Caller>;
  /** The same past the cache: for a caller who seems to lack a right that may be new. */
  refresh(jwt: string): Promise<Caller>;
  /**
   * Calls `onOutdated` once when the caller may have changed, when the token has expired, and now and then
   * while the change feed is silent; answers how to stop.
   */
  watch(caller: Caller, onOutdated: () => void): () => void;
  close(): void;
}

/** Something that the feed told, and whom it concerns. */
interface Report {
  readonly number: number;
  concerns(caller: Caller): boolean;
}

export interface PrincipalsOptions extends CallerSources {
  readonly feed: ChangeFeed;
  /** How long the cache is believed while the change feed is silent. */
  readonly maxFeedSilenceMs: number;
}

/**
 * Callers by token, kept in memory and dropped as soon as the change feed
 * reports their token, their memberships or a project of their tenants. While the
 * feed is silent for too long nothing is believed: each call looks into the database,
 * streams are judged anew, and who cannot be looked up is "unavailable".
 */
export function createPrincipals(options: PrincipalsOptions): Principals {
  const { feed, clock, maxFeedSilenceMs } = options;
  const cached = new Map<string, Caller>();
  const loading = new Map<string, { readonly since: number; readonly caller: Promise<Caller> }>();
  /** The number of the last report before each caller was read. */
  const readAfter = new WeakMap<Caller, number>();
  // A clock that was set back says nothing of the feed, either: what is not known counts as silence.
  const silenceMs = (): number => Math.abs(clock().getTime() - feed.status().lastReadAt.getTime());
  const watchers = createCallerWatchers(clock, ({ wake }) => {
    const now = clock().getTime();
    // Half of the time to notice, the other half to look: a stream outlives its right no longer than a call.
    const isSilent = silenceMs() >= maxFeedSilenceMs / 2;
    if (isSilent) cached.clear();
    wake(
      ({ expiresAt }, since) =>
        (expiresAt !== undefined && expiresAt.getTime() <= now) ||
        (isSilent && now - since.getTime() >= maxFeedSilenceMs / 2),
    );
  });
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
    const caller = await whileHeard(loadCaller(options, jwt), () => silenceMs() < maxFeedSilenceMs);
    readAfter.set(caller, since);
    if (!isOutdated(caller)) {
      const oldest = cached.size >= maxCached ? cached.keys().next().value : undefined;
      if (oldest !== undefined) cached.delete(oldest);
      cached.set(tokenDigest(jwt), caller);
    }
    return caller;
  };
  /** Callers who come at once share one look at the database, unless a report came in between. */
  const loadOnce = (jwt: string): Promise<Caller> => {
    const key = tokenDigest(jwt);
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
    authenticate(jwt) {
      const now = clock().getTime();
      const caller = silenceMs() < maxFeedSilenceMs ? cached.get(tokenDigest(jwt)) : undefined;
      return caller !== undefined && now < (caller.expiresAt?.getTime() ?? Infinity) ? caller : loadOnce(jwt);
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
    // Nobody knows by which key a caller's token is signed.
    follow("signing_key", () => true),
    follow("token", (change, caller) => change.key === caller.tokenId),
    follow("credential", (change, caller) => change.key === caller.tokenId),
    follow("principal", (change, caller) => isOrShares(caller, change.key)),
    follow("team_member", (change, caller) => change.scope === caller.user),
    follow("tenant_member", (change, caller) => isOrShares(caller, change.scope)),
    follow("project_member", (change, caller) => isOrShares(caller, change.scope)),
    follow("role_binding", (change, caller) => isOrShares(caller, change.scope)),
    follow("custom_role", (_, { owner }) => owner.projectMethods.size > 0 || owner.tenantMethods.size > 0),
    follow("project", ({ scope }, { owner }) => owner.tenantRoles.has(scope) || owner.tenantMethods.has(scope)),
  ];
  return () => {
    for (const stop of unsubscribe) stop();
  };
}

/** Whether that principal is the caller, or one of the caller's teams. */
const isOrShares = (caller: Caller, principal: string): boolean =>
  caller.user === principal || caller.teams.includes(principal);

/** Gives up on a look into a database that answers neither it nor the change feed. */
async function whileHeard<T>(look: Promise<T>, isHeard: () => boolean): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const givenUp = new Promise<never>((_, reject) => {
    timer = setInterval(() => {
      if (!isHeard()) reject(new DomainError("unavailable", "callers cannot be looked up now; try again later"));
    }, watchIntervalMs);
  });
  try {
    return await Promise.race([look, givenUp]);
  } finally {
    clearInterval(timer);
  }
}
