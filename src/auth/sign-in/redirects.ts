import { DomainError, invalidField } from "../../errors.js";

const longest = 2_048;
/** http or https, an authority that begins right behind it, and no fragment. */
const shape = /^(https?):\/\/([^/?#@\\]+)(?:[/?][^#]*)?$/i;
const loopbackHosts = ["127.0.0.1", "[::1]", "localhost"];
/** What a sign-in adds; given already, a client might read the wrong one. */
const ownParameters = ["token", "code", "state"];

/** Where the console's own sign-ins come back to; nobody else's do. */
export const consoleCallback = (issuer: string): string => `${issuer}/auth/session/callback`;

/** Where a sign-in may lead the browser back to, beside the loopback. */
export interface RedirectTargets {
  readonly origins: ReadonlySet<string>;
  readonly urls: ReadonlySet<string>;
}

/** Reads SLIPWAY_REDIRECT_URLS: origins ("https://console.example.com") and whole URLs. Throws an error that names every fault. */
export function redirectTargets(entries: readonly string[]): RedirectTargets {
  const origins = new Set<string>();
  const urls = new Set<string>();
  const faults: string[] = [];
  for (const entry of entries) {
    const url = plainUrl(entry);
    if (url === undefined || (url.protocol !== "https:" && !isLoopback(url))) faults.push(JSON.stringify(entry));
    else if (/^[^/]+\/\/[^/?]+$/.test(entry)) origins.add(url.origin);
    else urls.add(url.href);
  }
  if (faults.length > 0) {
    throw new Error(
      `SLIPWAY_REDIRECT_URLS: not an https origin or URL (http only on the loopback): ${faults.join(", ")}`,
    );
  }
  return { origins, urls };
}

/**
 * The URL as it will be sent to the browser. Throws "invalid" unless it is on the
 * loopback with http, at any port (RFC 8252), or its origin or the whole URL is
 * configured.
 */
export function checkRedirect(text: string, targets: RedirectTargets): string {
  const url = plainUrl(text);
  if (url === undefined) {
    throw invalidField("redirect_url", "must be a plain http or https URL without user, fragment and odd spellings");
  }
  if (ownParameters.some((name) => url.searchParams.has(name))) {
    throw invalidField("redirect_url", `must not have the parameters ${ownParameters.join(", ")}`);
  }
  const isConfigured = targets.origins.has(url.origin) || targets.urls.has(url.href);
  if (isConfigured || (url.protocol === "http:" && isLoopback(url))) return url.href;
  throw invalidField("redirect_url", "is neither on the loopback (http) nor configured in SLIPWAY_REDIRECT_URLS");
}

/** The redirect URL with more parameters; what it had stays to the letter. */
export function withParameters(url: string, parameters: Readonly<Record<string, string>>): string {
  const more = new URLSearchParams(parameters).toString();
  if (!url.includes("?")) return `${url}?${more}`;
  return /[?&]$/.test(url) ? `${url}${more}` : `${url}&${more}`;
}

/**
 * The parameter `redirect-url` of a query. Command lines append it without
 * encoding, so a URL that begins in the clear is everything up to the end.
 * Throws "invalid" when there is none.
 */
export function redirectParameter(rawQuery: string): string {
  const rest = /(?:^|&)redirect-url=(.*)$/s.exec(rawQuery)?.[1];
  if (rest === undefined) throw new DomainError("invalid", "the parameter redirect-url is missing");
  if (/^https?:\/\//i.test(rest)) return rest;
  return new URLSearchParams(`url=${rest.split("&", 1)[0]}`).get("url") ?? "";
}

/**
 * A URL that everybody reads alike: printable ASCII, no backslash, no user, no
 * fragment, and the host as it is after parsing ("0x7f.1" is 127.0.0.1 only for some).
 */
function plainUrl(text: string): URL | undefined {
  if (text.length > longest || !/^[\x21-\x7e]+$/.test(text) || text.includes("\\")) return undefined;
  const [, scheme = "", authority = ""] = shape.exec(text) ?? [];
  if (authority === "" || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const defaultPort = scheme.toLowerCase() === "https" ? ":443" : ":80";
  const written = authority.toLowerCase();
  return written === url.host || written === `${url.host}${defaultPort}` ? url : undefined;
}

const isLoopback = (url: URL): boolean => loopbackHosts.includes(url.hostname);
