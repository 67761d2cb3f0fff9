import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { type Authenticate, authorize, createAuthenticate } from "./authenticate.js";
import { type Authority, openAuthority } from "./authority.js";
import type { Call } from "./call.js";
import { type Clusters, openClusters } from "./clusters.js";
import { dispatch } from "./dispatch.js";
import type { EmbeddedKube, EmbeddedKubeOptions, KubeLog } from "./embedded-kube.js";
import type { IssuedKubeconfig, KubeconfigOptions } from "./extension.js";
import { clusterPath, issueKubeconfig } from "./kubeconfig.js";
import { openExec } from "./pod-exec.js";
import { parseResourcePath, splitCluster } from "./request-path.js";
import { refuseUpgrade, sendError, sendReply, statusOf } from "./responses.js";
import { badRequest, noSuchPath, notFound } from "./status-error.js";

const version = {
  major: "1",
  minor: "32",
  gitVersion: "v1.32.0+slipway",
  gitCommit: "",
  gitTreeState: "clean",
  buildDate: "1970-01-01T00:00:00Z",
  goVersion: "",
  compiler: "",
  platform: `${process.platform}/${process.arch}`,
};
const healthPath = /^\/(livez|readyz|healthz)(\/[\w-]+)?$/;
const drainMs = 2000;

/** What the request handlers of one server share. */
interface Context {
  readonly clusters: Clusters;
  readonly authenticate: Authenticate;
  readonly clock: () => Date;
  readonly log: KubeLog;
  readonly kubeconfig: (options: KubeconfigOptions) => Promise<IssuedKubeconfig>;
}

const silent: KubeLog = { error: () => undefined, warn: () => undefined };

/**
 * Starts a Kubernetes API over HTTPS for development. Throws when the directory
 * is in use by another process, or the port is taken.
 */
export async function startEmbeddedKube(options: EmbeddedKubeOptions = {}): Promise<EmbeddedKube> {
  const { directory, host = "127.0.0.1", port = 0, clock = () => new Date(), log = silent } = options;
  const clusters = await openClusters({ directory, clock, log, extensions: options.extensions ?? [] });
  try {
    const authority = await openAuthority(directory, clock);
    const server = await createTlsServer(authority, host);
    const sockets = trackSockets(server);
    const address = await listen(server, host, port);
    const url = `https://${host.includes(":") ? `[${host}]` : host}:${address.port}`;
    const kubeconfig = (wanted: KubeconfigOptions) => issueKubeconfig(authority, url, wanted);
    const authenticate = createAuthenticate(authority, clock);
    const context: Context = { clusters, authenticate, clock, log, kubeconfig };
    server.on("request", (request, response) => void handle(context, request, response));
    server.on("upgrade", (request, socket, head) => handleUpgrade(context, request, socket, head));
    const admin = await kubeconfig({ user: "admin", groups: ["system:masters"] });
    const { signRequest } = authority;
    return embeddedKube({ url, adminKubeconfig: admin.yaml, kubeconfig, signRequest, clusters, server, sockets });
  } catch (error) {
    await clusters.close();
    throw error;
  }
}

async function createTlsServer(authority: Authority, host: string): Promise<Server> {
  const hosts = [...new Set(["127.0.0.1", "::1", "localhost", host])];
  const { certificate, key } = await authority.issueServer(hosts);
  const server = createServer({
    key,
    cert: certificate,
    ca: authority.certificate,
    requestCert: true,
    // Who shows none, or a bad one, is told so in a Status.
    rejectUnauthorized: false,
    minVersion: "TLSv1.2",
    keepAlive: true,
    handshakeTimeout: 10_000,
  });
  server.headersTimeout = 20_000;
  server.requestTimeout = 60_000;
  server.keepAliveTimeout = 75_000;
  return server;
}

function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve(server.address() as AddressInfo);
    });
  });
}

async function handle(context: Context, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.on("error", () => undefined);
  try {
    const url = parseUrl(request);
    if (healthPath.test(url.pathname)) {
      sendReply(request, response, { code: 200, body: "ok", contentType: "text/plain" });
      return;
    }
    const { cluster: name, rest } = splitCluster(url.pathname);
    if (rest === "/version") {
      sendReply(request, response, { code: 200, body: version });
      return;
    }
    const call = callOf(context, request, response, { name, path: rest, query: url.searchParams });
    const reply = await dispatch(call);
    if (reply) sendReply(request, response, reply);
  } catch (error) {
    sendError(request, response, error, context.log);
  }
}

function parseUrl(request: IncomingMessage): URL {
  try {
    return new URL(`https://server${request.url ?? "/"}`);
  } catch {
    throw badRequest("the path of the request cannot be parsed");
  }
}

function callOf(
  context: Context,
  request: IncomingMessage,
  response: ServerResponse,
  target: { name: string; path: string; query: URLSearchParams },
): Call {
  const user = context.authenticate(request);
  authorize(user, target.name);
  const cluster = context.clusters.get(target.name);
  if (!cluster) throw notFound({ group: "", resource: "clusters" }, target.name);
  return {
    cluster,
    user,
    method: request.method ?? "GET",
    path: target.path,
    query: target.query,
    request,
    response,
    now: context.clock(),
    kubeconfig: context.kubeconfig,
  };
}

function handleUpgrade(context: Context, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  socket.on("error", () => socket.destroy());
  const onError = (error: unknown) => context.log.error({ err: error }, "embedded kubernetes: exec failed");
  try {
    const url = parseUrl(request);
    const { cluster: name, rest } = splitCluster(url.pathname);
    authorize(context.authenticate(request), name);
    const cluster = context.clusters.get(name);
    if (!cluster) throw notFound({ group: "", resource: "clusters" }, name);
    const target = parseResourcePath(rest);
    if (!target) throw noSuchPath();
    openExec(cluster, target, url.searchParams, { request, socket, head, onError });
  } catch (error) {
    refuseUpgrade(socket, statusOf(error, context.log));
  }
}

interface Running {
  readonly url: string;
  readonly adminKubeconfig: string;
  readonly kubeconfig: EmbeddedKube["kubeconfig"];
  readonly signRequest: EmbeddedKube["signRequest"];
  readonly clusters: Clusters;
  readonly server: Server;
  readonly sockets: ReadonlySet<Duplex>;
}

function embeddedKube({ url, clusters, server, sockets, ...issuing }: Running): EmbeddedKube {
  let closing: Promise<void> | undefined;
  const virtual = (name: string) => {
    const cluster = clusters.get(name);
    return cluster && { name, url: url + clusterPath(name), store: cluster.store };
  };
  return {
    url,
    ...issuing,
    store: rootStore(clusters),
    cluster: virtual,
    async createCluster(name) {
      const { store } = await clusters.create(name);
      return { name, url: url + clusterPath(name), store };
    },
    deleteCluster: (name) => clusters.remove(name),
    close() {
      closing ??= closeServer(server, sockets, clusters);
      return closing;
    },
  };
}

function rootStore(clusters: Clusters): EmbeddedKube["store"] {
  const root = clusters.get("");
  if (!root) throw new Error("the management cluster is always there");
  return root.store;
}

/** Ends watches first, gives running requests a moment, and closes the files last. */
async function closeServer(server: Server, sockets: ReadonlySet<Duplex>, clusters: Clusters): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  clusters.stop();
  const idle = setInterval(() => server.closeIdleConnections(), 20);
  const all = setTimeout(() => {
    for (const socket of sockets) socket.destroy();
  }, drainMs);
  await closed;
  clearInterval(idle);
  clearTimeout(all);
  await clusters.close();
}

/** All connections, also those that are no HTTP yet or any more. */
function trackSockets(server: Server): Set<Duplex> {
  const sockets = new Set<Duplex>();
  server.on("connection", (socket: Duplex) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  return sockets;
}
