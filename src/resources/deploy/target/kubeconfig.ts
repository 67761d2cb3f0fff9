import { createPrivateKey, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { parse } from "yaml";
import { invalidField } from "../../../errors.js";
import { type AddressScope, inScope } from "../../../kube/addresses.js";
import { isRecord } from "../../../record.js";

/** A kubeconfig with one cluster, one user and nothing but what is needed to call it. */
export interface ForeignAccess {
  /** JSON; holds the credentials. */
  readonly kubeconfig: string;
  /** URL of the API server. */
  readonly server: string;
}

type Fields = Readonly<Record<string, unknown>>;

const field = "kubeconfig";
const longestServer = 2_048;
const longestToken = 16_384;
const hostPattern = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;

/** What must not be set, for it would read a file here, run a program here, or lead elsewhere. */
const unsafe: Readonly<Record<string, string>> = {
  "certificate-authority": "names a file: put its content into certificate-authority-data",
  "client-certificate": "names a file: put its content into client-certificate-data",
  "client-key": "names a file: put its content into client-key-data",
  tokenFile: "names a file: put its content into token",
  exec: "runs a program, which does not happen here: use a token or a client certificate",
  "auth-provider": "needs a program, which does not run here: use a token or a client certificate",
  "proxy-url": "is not followed: the API server must be reachable by itself",
  username: "is a basic password, which API servers do not take: use a token or a client certificate",
  password: "is a basic password, which API servers do not take: use a token or a client certificate",
  as: "is not supported: use the credentials of the account itself",
  "as-uid": "is not supported: use the credentials of the account itself",
  "as-groups": "is not supported: use the credentials of the account itself",
  "as-user-extra": "is not supported: use the credentials of the account itself",
};

/**
 * Takes out of a kubeconfig what its current context needs; throws "invalid" unless that is all that it takes to
 * call the cluster, safely and from anywhere. The words never hold anything of it but names of fields.
 */
export function foreignAccess(text: string, scope: AddressScope): ForeignAccess {
  const config = parsed(text);
  const current = config["current-context"];
  if (typeof current !== "string" || current === "") throw invalid("current-context", "must name a context");
  const context = entryOf(config, "contexts", "context", current);
  const cluster = entryOf(config, "clusters", "cluster", nameIn(context, "cluster"));
  const user = entryOf(config, "users", "user", nameIn(context, "user"));
  refuseUnsafe("clusters[].cluster", cluster);
  refuseUnsafe("users[].user", user);
  const server = serverOf(cluster, scope);
  const kubeconfig = JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "target", cluster: { server, ...trustOf(cluster) } }],
    users: [{ name: "slipway", user: credentialsOf(user) }],
    contexts: [{ name: "slipway", context: { cluster: "target", user: "slipway" } }],
    "current-context": "slipway",
  });
  return { kubeconfig, server };
}

const invalid = (at: string, message: string) => invalidField(field, `${at} ${message}`);

function parsed(text: string): Fields {
  let config: unknown;
  try {
    config = parse(text, { logLevel: "error", maxAliasCount: 20 });
  } catch {
    // The parser's message quotes the text, and with it the credentials.
    throw invalidField(field, "is no YAML or JSON");
  }
  if (!isRecord(config)) throw invalidField(field, "is no kubeconfig: it must have clusters, users and contexts");
  return config;
}

/** The one entry of that name. */
function entryOf(config: Fields, list: string, inner: string, name: string): Fields {
  const entries = config[list];
  const named = Array.isArray(entries) ? entries.filter((entry) => isRecord(entry) && entry.name === name) : [];
  if (named.length !== 1) {
    throw invalid(list, `must have exactly one ${inner} of the name that the current context leads to`);
  }
  const entry: unknown = named[0][inner];
  if (!isRecord(entry)) throw invalid(`${list}[].${inner}`, "must have fields");
  return entry;
}

function nameIn(context: Fields, part: string): string {
  const name = context[part];
  if (typeof name !== "string" || name === "") throw invalid(`contexts[].context.${part}`, "must be given");
  return name;
}

function refuseUnsafe(at: string, entry: Fields): void {
  for (const [name, message] of Object.entries(unsafe)) {
    if (isSet(entry[name])) throw invalid(`${at}.${name}`, message);
  }
  if (isSet(entry["insecure-skip-tls-verify"]) && entry["insecure-skip-tls-verify"] !== false) {
    throw invalid(`${at}.insecure-skip-tls-verify`, "must not be set: give the certificate authority instead");
  }
}

const isSet = (value: unknown): boolean => value !== undefined && value !== null && value !== "";

function serverOf(cluster: Fields, scope: AddressScope): string {
  const at = "clusters[].cluster.server";
  const { server } = cluster;
  if (typeof server !== "string" || server.length > longestServer || !URL.canParse(server)) {
    throw invalid(at, "must be the URL of the API server");
  }
  const url = new URL(server);
  if (url.protocol !== "https:") throw invalid(at, "must begin with https://");
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw invalid(at, "must be a host, a port and a path, and nothing else");
  }
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (isIP(host) !== 0 && !inScope(host, scope)) {
    throw invalid(at, "has an address that may not be called from here: see SLIPWAY_TARGET_ADDRESSES");
  }
  return url.href.replace(/\/$/, "");
}

/** What the certificate of the API server is checked by; without an authority, by those that everybody trusts. */
function trustOf(cluster: Fields): Fields {
  const at = "clusters[].cluster";
  const authority = cluster["certificate-authority-data"];
  const name = cluster["tls-server-name"];
  if (isSet(authority)) readCertificate(`${at}.certificate-authority-data`, authority);
  if (isSet(name) && (typeof name !== "string" || name.length > 253 || !hostPattern.test(name))) {
    throw invalid(`${at}.tls-server-name`, "must be the name of a host");
  }
  return {
    ...(isSet(authority) ? { "certificate-authority-data": authority } : {}),
    ...(isSet(name) ? { "tls-server-name": name } : {}),
  };
}

function credentialsOf(user: Fields): Fields {
  const at = "users[].user";
  const certificate = user["client-certificate-data"];
  const key = user["client-key-data"];
  const { token } = user;
  if (isSet(token) && (typeof token !== "string" || token.length > longestToken || !/^[\x21-\x7e]+$/.test(token))) {
    throw invalid(`${at}.token`, "must be a token, as it goes into a header");
  }
  if (isSet(certificate) !== isSet(key)) {
    throw invalid(at, "must have client-certificate-data and client-key-data together");
  }
  if (isSet(certificate)) refuseOtherKey(at, certificate, key);
  if (!isSet(token) && !isSet(certificate)) throw invalid(at, "must have a token or a client certificate");
  return {
    ...(isSet(token) ? { token } : {}),
    ...(isSet(certificate) ? { "client-certificate-data": certificate, "client-key-data": key } : {}),
  };
}

function refuseOtherKey(at: string, certificateData: unknown, keyData: unknown): void {
  const certificate = readCertificate(`${at}.client-certificate-data`, certificateData);
  const pem = decoded(`${at}.client-key-data`, keyData);
  let fits: boolean;
  try {
    fits = certificate.checkPrivateKey(createPrivateKey(pem));
  } catch {
    throw invalid(`${at}.client-key-data`, "is no private key that can be read, as PEM in base64");
  }
  if (!fits) throw invalid(`${at}.client-key-data`, "is not the key of the client certificate");
}

function readCertificate(at: string, data: unknown): X509Certificate {
  const pem = decoded(at, data);
  try {
    return new X509Certificate(pem);
  } catch {
    throw invalid(at, "is no certificate that can be read, as PEM in base64");
  }
}

function decoded(at: string, data: unknown): Buffer {
  if (typeof data === "string" && /^[A-Za-z0-9+/=\s]+$/.test(data)) return Buffer.from(data, "base64");
  throw invalid(at, "must be base64");
}
