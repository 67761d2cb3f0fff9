import { existsSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { isIP, type LookupFunction } from "node:net";
import type { KubeConfig } from "@kubernetes/client-node";
import type { WebSocket } from "ws";
import { type AddressScope, inScope, refusedAddress, scopedLookup } from "./addresses.js";
import { KubeError, statusError } from "./errors.js";
import { longestMessage } from "./exec.js";
import { readPlainKubeconfig, readPlainKubeconfigFile } from "./plain-kubeconfig.js";

/** One HTTP request to an API server. */
export interface RawRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Path below the server's URL, beginning with "/". */
  readonly path: string;
  /** A list stands for the same name several times. */
  readonly query?: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body?: string;
  readonly contentType?: string;
}

/** Sends requests with the credentials of a kubeconfig over kept-alive connections. */
export interface Transport {
  /** Resolves with the response when its headers are there; aborting the signal also ends its body. */
  send(request: RawRequest, signal: AbortSignal): Promise<http.IncomingMessage>;
  /** Opens a WebSocket with one of the protocols; rejects with a "status" KubeError when the server refuses. */
  connect(request: RawRequest, protocols: readonly string[], signal: AbortSignal): Promise<WebSocket>;
  /** Drops the idle connections; later requests open new ones. */
  close(): void;
}

type TlsOptions = Pick<https.AgentOptions, "ca" | "cert" | "key" | "rejectUnauthorized" | "servername">;

const maxSockets = 128;

/**
 * Reads a kubeconfig, given as a file path or as its text; without one, the service account of the pod.
 * The client library is loaded for those only that are not plain. Connections lead into the scope only:
 * the address counts that a name stands for when it is connected to.
 */
export async function openTransport(kubeconfig: string | undefined, scope: AddressScope = "any"): Promise<Transport> {
  const access = plainAccess(kubeconfig) ?? (await libraryAccess(kubeconfig));
  const base = baseUrl(access.server);
  const pool = agentPool(base.protocol, {
    isProxied: access.isProxied === true,
    lookup: scope === "any" ? undefined : scopedLookup(scope),
  });
  const credentials = async (): Promise<https.RequestOptions> => {
    // Addresses are not looked up.
    const host = base.hostname.replace(/^\[|\]$/g, "");
    if (isIP(host) !== 0 && !inScope(host, scope)) throw unreachable(refusedAddress(), false);
    const options = await access.credentials();
    return { ...options, agent: pool.agentFor(options) };
  };
  return {
    send: async (request, signal) => exchange(base, request, { ...(await credentials()), signal }),
    connect: async (request, protocols, signal) =>
      upgrade(urlOf(base, request), protocols, await credentials(), signal),
    close: () => pool.close(),
  };
}

/** An API server, and how to be known there. */
interface Access {
  readonly server: string;
  /** Whether requests need the agent of their options, which goes through a proxy. */
  readonly isProxied?: boolean;
  credentials(): https.RequestOptions | Promise<https.RequestOptions>;
}

function plainAccess(source: string | undefined): Access | undefined {
  if (source === undefined) return undefined;
  return isText(source) ? readPlainKubeconfig(source, undefined) : readPlainKubeconfigFile(source);
}

/** The client library is loaded here and not before. */
async function libraryAccess(source: string | undefined): Promise<Access> {
  const config = await loadKubeConfig(source);
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new KubeError("malformed", "the kubeconfig has no current context with a cluster");
  return {
    server: cluster.server,
    isProxied: cluster.proxyUrl !== undefined && cluster.proxyUrl !== "",
    async credentials() {
      const options: https.RequestOptions = { headers: {} };
      await config.applyToHTTPSOptions(options);
      return options;
    },
  };
}

const isText = (source: string): boolean => source.includes("\n") || source.trimStart().startsWith("{");

async function loadKubeConfig(source: string | undefined): Promise<KubeConfig> {
  const { KubeConfig } = await import("@kubernetes/client-node");
  const config = new KubeConfig();
  try {
    if (source === undefined) config.loadFromCluster();
    else if (isText(source)) config.loadFromString(source);
    else if (existsSync(source)) config.loadFromFile(source);
    else throw new KubeError("malformed", `there is no kubeconfig at ${source}`);
  } catch (error) {
    if (error instanceof KubeError) throw error;
    // The parser's message may quote the text, and with it a key.
    throw new KubeError("malformed", "the kubeconfig cannot be read");
  }
  return config;
}

function baseUrl(server: string): URL {
  if (!URL.canParse(server)) throw new KubeError("malformed", "the kubeconfig names no valid server");
  return new URL(server);
}

/** One agent for as long as the TLS material stays the same; a rotated certificate makes a new one. */
function agentPool(
  protocol: string,
  { isProxied, lookup }: { readonly isProxied: boolean; readonly lookup: LookupFunction | undefined },
) {
  let current: { agent: http.Agent; tls: TlsOptions } | undefined;
  return {
    agentFor(options: https.RequestOptions): http.Agent {
      const { ca, cert, key, rejectUnauthorized, servername } = options;
      const tls = dropUndefined({ ca, cert, key, rejectUnauthorized, servername });
      if (current !== undefined && sameTls(current.tls, tls)) return current.agent;
      current?.agent.destroy();
      const found = lookup === undefined ? {} : { lookup };
      const settings = { ...tls, ...found, keepAlive: true, maxSockets, scheduling: "lifo" as const };
      const made = protocol === "http:" ? new http.Agent(settings) : new https.Agent(settings);
      const agent = isProxied && options.agent instanceof http.Agent ? options.agent : made;
      current = { agent, tls };
      return agent;
    },
    close() {
      current?.agent.destroy();
      current = undefined;
    },
  };
}

function dropUndefined(tls: { [K in keyof TlsOptions]: TlsOptions[K] | undefined }): TlsOptions {
  return Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));
}

function sameTls(a: TlsOptions, b: TlsOptions): boolean {
  const text = (tls: TlsOptions) =>
    [tls.ca, tls.cert, tls.key, tls.rejectUnauthorized, tls.servername].map((value) => String(value)).join("\n");
  return text(a) === text(b);
}

function urlOf(base: URL, request: RawRequest): URL {
  const url = new URL(`${base.pathname.replace(/\/$/, "")}${request.path}`, base);
  for (const [name, value = []] of Object.entries(request.query ?? {})) {
    for (const each of typeof value === "string" ? [value] : value) url.searchParams.append(name, each);
  }
  return url;
}

/** The WebSocket library is loaded here and not before: most processes never need it. */
async function upgrade(
  url: URL,
  protocols: readonly string[],
  { agent, headers }: https.RequestOptions,
  signal: AbortSignal,
): Promise<WebSocket> {
  const { WebSocket: Socket } = await import("ws");
  const given = { ...(headers as Record<string, string>), "user-agent": "slipway" };
  const settings = { headers: given, maxPayload: longestMessage, perMessageDeflate: false };
  url.protocol = url.protocol === "http:" ? "ws:" : "wss:";
  const socket = new Socket(url, [...protocols], agent instanceof http.Agent ? { ...settings, agent } : settings);
  const abort = (): void => socket.terminate();
  signal.addEventListener("abort", abort, { once: true });
  try {
    if (signal.aborted) abort();
    return await new Promise<WebSocket>((resolve, reject) => {
      // What comes before its reader listens must wait.
      socket.once("open", () => {
        socket.pause();
        resolve(socket);
      });
      socket.on("error", (error) => reject(unreachable(error, false)));
      socket.once("unexpected-response", (_, response) => {
        readText(response, 1024 * 1024)
          .then((text) => reject(statusError(response.statusCode ?? 500, text)), reject)
          .finally(abort);
      });
    });
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function exchange(base: URL, request: RawRequest, options: https.RequestOptions): Promise<http.IncomingMessage> {
  const url = urlOf(base, request);
  const headers: http.OutgoingHttpHeaders = {
    ...(options.headers as http.OutgoingHttpHeaders),
    accept: "application/json",
    "user-agent": "slipway",
  };
  if (request.body !== undefined) {
    headers["content-type"] = request.contentType ?? "application/json";
    headers["content-length"] = Buffer.byteLength(request.body);
  }
  const client = url.protocol === "http:" ? http : https;
  return new Promise((resolve, reject) => {
    const outgoing = client.request(url, { ...options, method: request.method, headers }, resolve);
    outgoing.on("error", (error) => reject(unreachable(error, outgoing.reusedSocket)));
    outgoing.end(request.body);
  });
}

/** A broken connection as an error; `stale` means a kept-alive socket that the server had already closed. */
export class ConnectionError extends KubeError {
  constructor(
    message: string,
    readonly stale: boolean,
    options: ErrorOptions,
  ) {
    super("unreachable", message, options);
  }
}

function unreachable(error: NodeJS.ErrnoException, reused: boolean): ConnectionError {
  const stale = reused && (error.code === "ECONNRESET" || error.code === "EPIPE");
  return new ConnectionError(`the API server cannot be reached: ${error.code ?? error.name}`, stale, { cause: error });
}

/** Reads a whole answer as text, up to `limit` bytes. */
export async function readText(response: http.IncomingMessage, limit: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) throw new KubeError("malformed", `the answer is larger than ${limit} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof KubeError) throw error;
    throw unreachable(error as NodeJS.ErrnoException, false);
  }
  return Buffer.concat(chunks).toString("utf8");
}
