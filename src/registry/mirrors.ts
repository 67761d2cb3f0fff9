import { isIP } from "node:net";
import { defaultRegistry } from "./reference.js";

/** What is asked instead of a host: URLs by host, that of `*` for all other hosts. */
export type Mirrors = ReadonlyMap<string, string>;

/** Where the images or charts of a host are asked for. */
export interface Site {
  /** The host as references name it; errors show it. */
  readonly host: string;
  /** Its URL; a path in it comes before all names. */
  readonly url: URL;
  /** Whether the operator has named the URL: then it may be plain http, and anywhere. */
  readonly isMirror: boolean;
}

/** Names of Docker Hub that mean the same. */
const hubHosts: ReadonlySet<string> = new Set(["index.docker.io", "registry-1.docker.io"]);
const hubUrl = "https://registry-1.docker.io";

/** One name for all that mean the same host; undefined for what is none. */
export function canonicalHost(text: string): string | undefined {
  if (!URL.canParse(`https://${text}/`)) return undefined;
  const { host, pathname, username, search } = new URL(`https://${text}/`);
  if (host === "" || pathname !== "/" || username !== "" || search !== "") return undefined;
  return hubHosts.has(host) ? defaultRegistry : host;
}

/** Reads `HOST=URL` or `*=URL`; undefined when it is neither. */
export function parseMirror(item: string): readonly [string, string] | undefined {
  const equals = item.indexOf("=");
  const name = item.slice(0, Math.max(equals, 0)).trim();
  const target = item.slice(equals + 1).trim();
  const host = name === "*" ? name : canonicalHost(name);
  if (host === undefined || host === "" || !URL.canParse(target)) return undefined;
  const url = new URL(target);
  const isPlain = url.username === "" && url.password === "" && url.search === "" && url.hash === "";
  if (!isPlain || !["http:", "https:"].includes(url.protocol)) return undefined;
  return [host, target];
}

/** Where a canonical host is asked. */
export function siteOf(host: string, mirrors: Mirrors): Site {
  const mirror = mirrors.get(host) ?? mirrors.get("*");
  if (mirror !== undefined) return { host, url: new URL(mirror), isMirror: true };
  return { host, url: new URL(host === defaultRegistry ? hubUrl : `https://${host}`), isMirror: false };
}

/** The path of a site's URL without slashes at its ends; empty for none. */
export const prefixOf = ({ url }: Site): string => url.pathname.replace(/^\/+|\/+$/g, "");

/** Whether a URL is within what the operator has named for the site. */
export const isNamed = (site: Site, url: URL): boolean => site.isMirror && url.origin === site.url.origin;

/** The IP address in a URL, which no lookup checks; undefined for a name. */
export function literalAddress({ hostname }: URL): string | undefined {
  const bare = hostname.replace(/^\[|\]$/g, "");
  return isIP(bare) === 0 ? undefined : bare;
}
