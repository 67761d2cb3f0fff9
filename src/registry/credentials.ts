import { canonicalHost } from "./mirrors.js";
import type { RegistryCredentials } from "./registry.js";

/**
 * The credentials if they are for that host, else none: they are shown to nobody whom they do not name. Where their
 * server has a path, `path` must lie below it; undefined leaves that out of account.
 */
export function credentialsFor(
  credentials: RegistryCredentials | undefined,
  host: string,
  path?: string,
): RegistryCredentials | undefined {
  if (credentials === undefined) return undefined;
  const [authority = "", ...parts] = credentials.server.replace(/^[a-z][a-z0-9+.-]*:\/\//i, "").split("/");
  if (canonicalHost(authority) !== host) return undefined;
  const own = parts.filter((part) => part !== "");
  const asked = (path ?? "").split("/").filter((part) => part !== "");
  const isBelow = path === undefined || own.every((part, index) => part === asked[index]);
  return isBelow ? credentials : undefined;
}

/** The header of Basic authentication. */
export function basic({ username, password }: RegistryCredentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

/** What is to be done about a refusal, in words. */
export function credentialsAdvice(given: RegistryCredentials | undefined, own: RegistryCredentials | undefined) {
  if (given === undefined) return "name a registry secret with access to it, or check the name";
  if (own === undefined) return "the registry secret is for another server: name one that is for this one";
  return "check the username and password of the registry secret, and the name";
}
