import { readFileSync } from "node:fs";
import type { RequestOptions } from "node:https";
import { dirname, isAbsolute, join } from "node:path";
import { parse } from "yaml";
import { isRecord } from "../record.js";

/** The API server of a kubeconfig, and how to be known there. */
export interface PlainAccess {
  /** Its URL, without a slash at the end. */
  readonly server: string;
  /** What a request has to bring along now; throws when a file that the kubeconfig names cannot be read. */
  credentials(): RequestOptions;
}

type Fields = Readonly<Record<string, unknown>>;

const clusterFields = [
  "server",
  "certificate-authority",
  "certificate-authority-data",
  "insecure-skip-tls-verify",
  "tls-server-name",
];
const userFields = ["client-certificate", "client-certificate-data", "client-key", "client-key-data", "token"];
/** As long as the client library and client-go believe the token of a file. */
const tokenMs = 60_000;

/**
 * Reads a kubeconfig that says by itself all that is needed: an https server, certificates, a token, or a file that
 * holds one. Undefined for any other, and for one that is not in order: those are for the client library, which knows
 * plugins, proxies and what is wrong, and costs some 75 MB. Paths are relative to the folder, where there is one.
 */
export function readPlainKubeconfig(text: string, folder: string | undefined): PlainAccess | undefined {
  const config = parsed(text);
  if (config === undefined) return undefined;
  const clusters = named(config.clusters, "cluster");
  const users = named(config.users, "user");
  const contexts = named(config.contexts, "context");
  const context = contexts?.get(String(config["current-context"]));
  const cluster = clusters?.get(String(context?.cluster));
  const user = users?.get(String(context?.user));
  if (cluster === undefined || user === undefined || !isPlainCluster(cluster)) return undefined;
  const token = tokenSource(user);
  if (token === undefined) return undefined;
  const bytes = (source: Fields, name: string) => bytesOf(source, name, folder);
  const ca = bytes(cluster, "certificate-authority");
  const cert = bytes(user, "client-certificate");
  const key = bytes(user, "client-key");
  const fixed = {
    ...(cluster["insecure-skip-tls-verify"] === true ? { rejectUnauthorized: false } : {}),
    ...(cluster["tls-server-name"] ? { servername: String(cluster["tls-server-name"]) } : {}),
  };
  return {
    server: String(cluster.server).replace(/\/$/, ""),
    credentials() {
      const bearer = token();
      return {
        ...fixed,
        ...defined({ ca: ca(), cert: cert(), key: key() }),
        headers: bearer ? { Authorization: `Bearer ${bearer}` } : {},
      };
    },
  };
}

/** The same from a file; undefined also where it cannot be read. */
export function readPlainKubeconfigFile(path: string): PlainAccess | undefined {
  try {
    return readPlainKubeconfig(readFileSync(path, "utf8"), dirname(path));
  } catch {
    return undefined;
  }
}

function parsed(text: string): Fields | undefined {
  try {
    const value: unknown = parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The entries of a list by their names; undefined when any of them is not in order. */
function named(list: unknown, kind: "cluster" | "user" | "context"): ReadonlyMap<string, Fields> | undefined {
  if (!Array.isArray(list)) return undefined;
  const entries = new Map<string, Fields>();
  for (const entry of list as unknown[]) {
    const fields = isRecord(entry) ? entry[kind] : undefined;
    if (!isRecord(entry) || typeof entry.name !== "string" || !isRecord(fields)) return undefined;
    // The first of a name counts, and another would be a mistake.
    if (entry.name === "" || entries.has(entry.name)) return undefined;
    if (kind === "cluster" && !fields.server) return undefined;
    if (kind === "context" && !fields.cluster) return undefined;
    entries.set(entry.name, fields);
  }
  return entries;
}

function isPlainCluster(cluster: Fields): boolean {
  const skips = cluster["insecure-skip-tls-verify"] ?? false;
  const rest = clusterFields.filter((name) => name !== "insecure-skip-tls-verify");
  const isKnown = Object.keys(cluster).every((name) => clusterFields.includes(name));
  return (
    isKnown && typeof skips === "boolean" && areTexts(cluster, rest) && String(cluster.server).startsWith("https:")
  );
}

/** How the token of a user is found; undefined where more than certificates, a token or its file is needed. */
function tokenSource(user: Fields): (() => string | undefined) | undefined {
  const { "auth-provider": provider, ...rest } = user;
  if (!Object.keys(rest).every((name) => userFields.includes(name)) || !areTexts(rest, userFields)) return undefined;
  const token = typeof rest.token === "string" && rest.token !== "" ? rest.token : undefined;
  if (provider === undefined || provider === null) return () => token;
  const config = isRecord(provider) && provider.name === "tokenFile" ? provider.config : undefined;
  if (!isRecord(config) || typeof config.tokenFile !== "string" || token !== undefined) return undefined;
  return tokenOfFile(config.tokenFile);
}

function areTexts(fields: Fields, names: readonly string[]): boolean {
  return names.every((name) => fields[name] === undefined || typeof fields[name] === "string");
}

/** The token in a file, which is read again once a minute: whoever writes it renews it. */
function tokenOfFile(path: string): () => string {
  let known: { readonly token: string; readonly readAt: number } | undefined;
  return () => {
    if (known === undefined || performance.now() - known.readAt > tokenMs) {
      known = { token: readFileSync(path, "utf8"), readAt: performance.now() };
    }
    return known.token;
  };
}

/** What a field or its file holds. A file comes before the field, and is read each time: certificates are renewed. */
function bytesOf(fields: Fields, name: string, folder: string | undefined): () => Buffer | undefined {
  const file = fields[name];
  const data = fields[`${name}-data`];
  if (typeof file === "string" && file !== "") {
    const path = folder === undefined || isAbsolute(file) ? file : join(folder, file);
    return () => readFileSync(path);
  }
  const bytes = typeof data === "string" && data !== "" ? Buffer.from(data, "base64") : undefined;
  return () => bytes;
}

function defined<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}
