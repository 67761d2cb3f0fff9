import { createServer as createHttp, type Server } from "node:http";
import { createServer as createHttp2, type Http2Server } from "node:http2";
import { createServer as createHttps } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { NodeHandler, NodeRequest, NodeResponse } from "./http-types.js";
import { watchSessions } from "./http2-sessions.js";
import type { ServeStream } from "./http2-turns.js";
import { guardConnections } from "./listen-gate.js";
import { defaultListenLimits, http2Options, type ListenLimits } from "./listen-limits.js";
import { route } from "./listen-route.js";
import { trustedProxies } from "./peer.js";

export interface ListenOptions extends Partial<ListenLimits> {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** PEM texts: serve TLS, with HTTP/2 or HTTP/1.1 as the client prefers. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** Addresses and CIDR ranges of proxies: one of them may have any number of connections. */
  readonly trustedProxies?: readonly string[] | undefined;
  /** Told of each connection that is dropped because there are too many, with its address. */
  readonly onDrop?: ((address: string) => void) | undefined;
}

export interface Listener {
  readonly port: number;
  /**
   * Stops accepting, lets calls that are under way finish for graceMs, then
   * ends every connection. Resolves when the last one is closed.
   */
  close(options: { graceMs: number }): Promise<void>;
}

/**
 * Serves HTTP/1.1 and HTTP/2 on one port. The HTTP/1.1 server listens itself, so
 * that its timeouts and its close hold for all; connections that speak HTTP/2
 * are passed on. Rejects when the port cannot be had.
 */
export async function listen(handler: NodeHandler, options: ListenOptions): Promise<Listener> {
  const limits = { ...defaultListenLimits, ...options };
  const closing = { now: false };
  const http1 = createHttp1(options, limits);
  const http2 = createHttp2(http2Options(limits));
  const sessions = watchSessions(http2, limits, serveStreams(http2, handler));
  http1.on("request", (req: NodeRequest, res: NodeResponse) => {
    // A connection that falls idle after close has begun is not needed any more.
    res.once("close", () => {
      if (closing.now) setImmediate(() => http1.closeIdleConnections());
    });
    res.on("timeout", onQuiet);
    handler(req, res);
  });
  const dropUndecided = route(http1, options.tls !== undefined, limits.headersTimeoutMs, sessions.take);
  const onDrop = options.onDrop ?? (() => {});
  http1.on("drop", (dropped) => onDrop(dropped?.remoteAddress ?? ""));
  const trusted = trustedProxies(options.trustedProxies ?? []);
  const { sockets } = guardConnections(http1, { ...limits, trusted, onDrop });

  await new Promise<void>((resolve, reject) => {
    http1.once("error", reject).listen(options.port, options.host, resolve);
  });
  return {
    port: (http1.address() as AddressInfo).port,
    async close({ graceMs }) {
      closing.now = true;
      const closed = new Promise<void>((resolve) => http1.close(() => resolve()));
      dropUndecided();
      sessions.closeAll();
      const timer = setTimeout(() => {
        // Destroying an HTTP/2 session that was closed before would wait for its peer.
        for (const socket of sockets) socket.destroy();
      }, graceMs);
      await closed;
      clearTimeout(timer);
    },
  };
}

/** Of an answer over HTTP/1.1 that has been quiet for stalledTimeoutMs: it may have nothing to say, or nobody who listens. */
function onQuiet(this: NodeResponse, socket: Socket): void {
  if (socket.writableLength > 0) socket.destroy();
}

function createHttp1(options: ListenOptions, limits: ListenLimits): Server {
  const server = newHttp1(options, limits);
  server.maxConnections = limits.maxConnections;
  server.keepAliveTimeout = Math.min(limits.idleTimeoutMs, 65_000);
  server.timeout = limits.stalledTimeoutMs;
  return server;
}

function newHttp1(options: ListenOptions, limits: ListenLimits): Server {
  const common = {
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: Math.max(limits.requestTimeoutMs, limits.headersTimeoutMs),
    // How often Node looks for late headers: often enough to keep the timeout's promise.
    connectionsCheckingInterval: Math.min(1_000, limits.headersTimeoutMs),
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
    noDelay: true,
  };
  if (options.tls === undefined) return createHttp(common);
  return createHttps({
    ...common,
    ...options.tls,
    ALPNProtocols: ["h2", "http/1.1"],
    handshakeTimeout: limits.headersTimeoutMs,
  });
}

/**
 * Lets the handler look at bare streams first, and makes requests of those that
 * it leaves.
 */
function serveStreams(http2: Http2Server, handler: NodeHandler): ServeStream {
  http2.on("request", handler);
  // What makes requests out of streams is a listener that Node adds with the first listener for requests.
  const asRequest = http2.listeners("stream") as ServeStream[];
  http2.removeAllListeners("stream");
  return (stream, headers, flags, rawHeaders) => {
    if (handler.stream?.(stream, headers, rawHeaders) === true) return;
    for (const listener of asRequest) listener.call(http2, stream, headers, flags, rawHeaders);
  };
}
