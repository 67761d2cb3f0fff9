import { createHash } from "node:crypto";
import { DomainError } from "../errors.js";
import type { Challenge } from "./challenge.js";
import { basic } from "./credentials.js";
import { unusable } from "./failure.js";
import { fieldsOf, type Http, readJson } from "./http.js";
import type { Site } from "./mirrors.js";
import type { RegistryCredentials } from "./registry.js";

/** A repository as one caller sees it. */
export interface Place {
  readonly site: Site;
  /** Its path at the site. */
  readonly repository: string;
  /** Only those that are for the site's host. */
  readonly credentials: RegistryCredentials | undefined;
}

/** The bearer tokens of places, in memory and for as long as they hold. */
export interface Tokens {
  /** The one that was fetched before, if it still holds. */
  known(place: Place): string | undefined;
  /** Drops what was refused and fetches another; undefined when the credentials are refused. */
  fetch(place: Place, challenge: Challenge & { scheme: "bearer" }, signal: AbortSignal): Promise<string | undefined>;
}

const mostTokens = 1_000;
const longestAnswer = 64 * 1_024;
const usualSeconds = 60;
const longestSeconds = 3_600;
/** A token that ends so soon is not used any more. */
const slackSeconds = 5;

/** Keeps no token of one place for another. */
export function openTokens(http: Http): Tokens {
  const kept = new Map<string, { readonly token: string; readonly until: number }>();
  const keep = (key: string, token: string, seconds: number): void => {
    kept.delete(key);
    const [oldest] = kept.keys();
    if (kept.size >= mostTokens && oldest !== undefined) kept.delete(oldest);
    kept.set(key, { token, until: performance.now() + (seconds - slackSeconds) * 1_000 });
  };
  return {
    known(place) {
      const key = keyOf(place);
      const found = kept.get(key);
      if (found === undefined) return undefined;
      if (found.until > performance.now()) return found.token;
      kept.delete(key);
      return undefined;
    },
    async fetch(place, challenge, signal) {
      kept.delete(keyOf(place));
      const { site, credentials } = place;
      const url = realmOf(place, challenge);
      const authorization = credentials === undefined ? undefined : basic(credentials);
      const granted = await http.ask(
        { site, method: "GET", url, authorization },
        async (answer) => {
          if ([400, 401, 403, 404].includes(answer.status)) return undefined;
          if (answer.status !== 200) throw unusable(site.host, `gives no token, but status ${answer.status}`);
          return tokenOf(await readJson(answer, longestAnswer, site.host), site.host);
        },
        signal,
      );
      if (granted !== undefined) keep(keyOf(place), granted.token, granted.seconds);
      return granted?.token;
    },
  };
}

/** No two places share one: not those of other credentials either. */
function keyOf({ site, repository, credentials }: Place): string {
  const parts = [site.url.origin, repository, credentials?.username ?? null, credentials?.password ?? null];
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64");
}

function realmOf({ site, repository }: Place, { realm, service, scope }: Challenge & { scheme: "bearer" }): URL {
  if (!URL.canParse(realm)) throw new DomainError("unavailable", `${site.host} names no URL for its tokens`);
  const url = new URL(realm);
  if (service !== "") url.searchParams.set("service", service);
  url.searchParams.set("scope", scope === "" ? `repository:${repository}:pull` : scope);
  return url;
}

function tokenOf(answer: unknown, host: string): { readonly token: string; readonly seconds: number } {
  const { token, access_token, expires_in } = fieldsOf(answer);
  const text = token ?? access_token;
  if (typeof text !== "string" || !/^[\x21-\x7e]{1,32768}$/.test(text)) throw unusable(host, "gives no token");
  const seconds = typeof expires_in === "number" && expires_in > 0 ? expires_in : usualSeconds;
  return { token: text, seconds: Math.min(seconds, longestSeconds) };
}
