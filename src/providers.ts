import { readFileSync } from "node:fs";
import { parse, YAMLParseError } from "yaml";
import { isRecord } from "./record.js";

const kinds = ["github", "azure", "google", "oidc"] as const;

/** What kind of identity provider it is. */
export type ProviderKind = (typeof kinds)[number];

/** What everybody may know of an identity provider. */
export interface ProviderInfo {
  /** As in /auth/{provider}, and behind the "@" of its users' logins. */
  readonly id: string;
  readonly kind: ProviderKind;
  /** Name for people. */
  readonly name: string;
  /** Its issuer URL; empty for GitHub, which has none. */
  readonly issuer: string;
}

/** An identity provider as the providers file says. */
export interface ProviderSettings extends ProviderInfo {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scopes: readonly string[];
  /** The claim that lists the user's groups; undefined where groups are not looked at. */
  readonly groupsClaim: string | undefined;
  /** Only used for GitHub; its own servers unless told. */
  readonly endpoints: GithubEndpoints;
}

/** Where GitHub, or a GitHub Enterprise server, answers. */
export interface GithubEndpoints {
  readonly authorization: string;
  readonly token: string;
  readonly user: string;
  readonly emails: string;
}

const githubEndpoints: GithubEndpoints = {
  authorization: "https://github.com/login/oauth/authorize",
  token: "https://github.com/login/oauth/access_token",
  user: "https://api.github.com/user",
  emails: "https://api.github.com/user/emails",
};
const googleIssuer = "https://accounts.google.com";
const commonFields = ["id", "kind", "name", "clientId", "clientSecret", "clientSecretFile", "scopes"];
const fieldsOf: Readonly<Record<ProviderKind, readonly string[]>> = {
  github: [...commonFields, "endpoints"],
  azure: [...commonFields, "issuer", "groupsClaim"],
  google: [...commonFields, "issuer", "groupsClaim"],
  oidc: [...commonFields, "issuer", "groupsClaim"],
};
/** They would stand where /auth has paths of its own. */
const reservedIds = ["logout", "callback", "session"];
/** Entra ID answers for any tenant under these, so that nobody could say who is let in. */
const sharedAzureTenants = ["common", "organizations", "consumers"];

/**
 * Reads the providers file (YAML or JSON: a list of `{id, kind, name?, issuer?,
 * clientId, clientSecret | clientSecretFile, scopes?, groupsClaim?, endpoints?}`).
 * Without a file there are no providers. Throws an error that names every fault,
 * and no secret.
 */
export function parseProviders(
  text: string | undefined,
  readFile: (path: string) => string = (path) => readFileSync(path, "utf8"),
): readonly ProviderSettings[] {
  if (text === undefined) return [];
  const value = parseYaml(text);
  if (!Array.isArray(value)) throw new Error("providers: the file must hold a list of identity providers");
  const faults: string[] = [];
  const providers = value.map((entry: unknown, at) => readProvider(entry, `providers[${at}]`, faults, readFile));
  const ids = providers.flatMap((provider) => provider?.id ?? []);
  for (const id of new Set(ids.filter((each, at) => each !== "" && ids.indexOf(each) !== at))) {
    faults.push(`there are several providers with the id ${id}`);
  }
  if (faults.length > 0) throw new Error(`providers: ${faults.join("; ")}`);
  return providers.flatMap((provider) => provider ?? []);
}

/** The parser's own messages may show a line of the file, and with it a secret. */
function parseYaml(text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    const line = error instanceof YAMLParseError ? error.linePos?.[0].line : undefined;
    throw new Error(`providers: the file is no valid YAML${line === undefined ? "" : ` (line ${line})`}`);
  }
}

function readProvider(
  entry: unknown,
  path: string,
  faults: string[],
  readFile: (path: string) => string,
): ProviderSettings | undefined {
  if (!isRecord(entry)) {
    faults.push(`${path} must be a map`);
    return undefined;
  }
  const kind = kinds.find((candidate) => candidate === entry.kind);
  if (kind === undefined) {
    faults.push(`${path}.kind must be one of ${kinds.join(", ")}`);
    return undefined;
  }
  const unknown = Object.keys(entry).filter((field) => !fieldsOf[kind].includes(field));
  if (unknown.length > 0) faults.push(`${path} has fields that kind ${kind} does not know: ${unknown.join(", ")}`);
  const read = reader(entry, path, faults);
  const id = readId(read, path, faults);
  return {
    id,
    kind,
    name: read.text("name", id),
    issuer: readIssuer(kind, read, path, faults),
    clientId: read.text("clientId"),
    clientSecret: readSecret(entry, read, path, faults, readFile),
    scopes: readScopes(kind, read),
    groupsClaim: entry.groupsClaim === undefined ? undefined : read.text("groupsClaim"),
    endpoints: readEndpoints(entry.endpoints, `${path}.endpoints`, faults),
  };
}

type Reader = ReturnType<typeof reader>;

function reader(entry: Record<string, unknown>, path: string, faults: string[]) {
  return {
    text(name: string, fallback?: string): string {
      const value = entry[name] ?? fallback;
      if (typeof value === "string" && value !== "") return value;
      faults.push(`${path}.${name} must be a text that is not empty`);
      return "";
    },
    texts(name: string, fallback: readonly string[]): readonly string[] {
      const value = entry[name] ?? fallback;
      if (Array.isArray(value) && value.every((item) => typeof item === "string" && /^[\x21-\x7e]+$/.test(item))) {
        return value;
      }
      faults.push(`${path}.${name} must be a list of words`);
      return fallback;
    },
  };
}

function readId(read: Reader, path: string, faults: string[]): string {
  const id = read.text("id");
  if (id === "") return id;
  if (!/^[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?$/.test(id)) {
    faults.push(`${path}.id must be 1 to 24 lower-case letters, digits and dashes`);
  }
  if (reservedIds.includes(id)) faults.push(`${path}.id must not be ${id}`);
  return id;
}

function readIssuer(kind: ProviderKind, read: Reader, path: string, faults: string[]): string {
  if (kind === "github") return "";
  const given = read.text("issuer", kind === "google" ? googleIssuer : undefined);
  if (given === "") return given;
  const isTenant = kind === "azure" && /^[A-Za-z0-9.-]+$/.test(given);
  const issuer = isTenant ? `https://login.microsoftonline.com/${given}/v2.0` : given;
  const tenant = /^https:\/\/login\.microsoftonline\.com\/([^/]+)/.exec(issuer)?.[1] ?? "";
  if (sharedAzureTenants.includes(tenant)) faults.push(`${path}.issuer must name one tenant, not ${tenant}`);
  demandSafeUrl(issuer, `${path}.issuer`, faults);
  return issuer;
}

function readSecret(
  entry: Record<string, unknown>,
  read: Reader,
  path: string,
  faults: string[],
  readFile: (path: string) => string,
): string {
  const { clientSecret, clientSecretFile } = entry;
  if ((clientSecret === undefined) === (clientSecretFile === undefined)) {
    faults.push(`${path} must have either clientSecret or clientSecretFile`);
    return "";
  }
  if (clientSecretFile === undefined) return read.text("clientSecret");
  const file = read.text("clientSecretFile");
  try {
    const secret = file === "" ? "-" : readFile(file).trim();
    if (secret === "") faults.push(`${path}.clientSecretFile names an empty file`);
    return secret;
  } catch (error) {
    faults.push(
      `${path}.clientSecretFile cannot be read: ${(error as NodeJS.ErrnoException).code ?? "unknown reason"}`,
    );
    return "";
  }
}

function readScopes(kind: ProviderKind, read: Reader): readonly string[] {
  if (kind === "github") return read.texts("scopes", ["read:user", "user:email"]);
  const scopes = read.texts("scopes", ["openid", "profile", "email"]);
  // Without it there is no ID token.
  return scopes.includes("openid") ? scopes : ["openid", ...scopes];
}

function readEndpoints(value: unknown, path: string, faults: string[]): GithubEndpoints {
  if (value === undefined) return githubEndpoints;
  if (!isRecord(value)) {
    faults.push(`${path} must be a map`);
    return githubEndpoints;
  }
  const names = Object.keys(githubEndpoints) as (keyof GithubEndpoints)[];
  const unknown = Object.keys(value).filter((name) => !names.some((known) => known === name));
  if (unknown.length > 0) faults.push(`${path} has unknown fields: ${unknown.join(", ")}`);
  const read = reader(value, path, faults);
  const entries = names.map((name) => {
    const url = read.text(name, githubEndpoints[name]);
    if (url !== "") demandSafeUrl(url, `${path}.${name}`, faults);
    return [name, url] as const;
  });
  return { ...githubEndpoints, ...Object.fromEntries(entries) };
}

/** A client secret and codes travel there: in the clear only to this machine. */
function demandSafeUrl(url: string, path: string, faults: string[]): void {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const isLoopback = parsed !== undefined && ["127.0.0.1", "[::1]", "localhost"].includes(parsed.hostname);
  const isSafe = parsed?.protocol === "https:" || (parsed?.protocol === "http:" && isLoopback);
  if (!isSafe || parsed.username !== "" || parsed.password !== "" || parsed.hash !== "") {
    faults.push(`${path} must be an https URL (http only on the loopback) without user and fragment`);
  }
}
