import { createServer as createHttp, type Server } from "node:http";
import {
  createServer as createHttp2,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { createServer as createHttps } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { divert } from "./divert.js";
import type { NodeHandler, NodeRequest, NodeResponse } from "./http-types.js";

export interface ListenLimits {
  /** Streams that one HTTP/2 connection may have open; a client holds back further ones. */
  readonly maxConcurrentStreams: number;
  /** Memory in MB that one HTTP/2 connection may use; slow readers of large streams need room. */
  readonly maxSessionMemory: number;
  /** Time for a connection's first bytes, its TLS handshake and each request's headers, in ms. */
  readonly headersTimeoutMs: number;
  /** Time for a whole HTTP/1.1 request, in ms. */
  readonly requestTimeoutMs: number;
  /** Time after which an idle connection is closed, in ms. */
  readonly idleTimeoutMs: number;
  /** Connections at once; further ones are dropped. */
  readonly maxConnections: number;
}

export interface ListenOptions extends Partial<ListenLimits> {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** PEM texts: serve TLS, with HTTP/2 or HTTP/1.1 as the client prefers. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
}

export interface Listener {
  readonly port: number;
  /**
   * Stops accepting, lets calls that are under way finish for graceMs, then
   * ends every connection. Resolves when the last one is closed.
   */
  close(options: { graceMs: number }): Promise<void>;
}

const defaults: ListenLimits = {
  maxConcurrentStreams: 1_000,
  maxSessionMemory: 64,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  idleTimeoutMs: 15 * 60_000,
  maxConnections: 10_000,
};

/**
 * Serves HTTP/1.1 and HTTP/2 on one port. The HTTP/1.1 server listens itself, so
 * that its timeouts and its close hold for all; connections that speak HTTP/2
 * are passed on. Rejects when the port cannot be had.
 */
export async function listen(handler: NodeHandler, options: ListenOptions): Promise<Listener> {
  const limits = { ...defaults, ...options };
  const closing = { now: false };
  const http1 = createHttp1(options, limits);
  const http2 = createHttp2({
    settings: { maxConcurrentStreams: limits.maxConcurrentStreams },
    maxSessionMemory: limits.maxSessionMemory,
  });
  const sessions = trackSessions(http2, limits.idleTimeoutMs);
  http1.maxConnections = limits.maxConnections;
  http1.keepAliveTimeout = Math.min(limits.idleTimeoutMs, 65_000);
  http1.on("request", (req: NodeRequest, res: NodeResponse) => {
    // A connection that falls idle after close has begun is not needed any more.
    res.once("close", () => {
      if (closing.now) setImmediate(() => http1.closeIdleConnections());
    });
    handler(req, res);
  });
  serveStreams(http2, handler);
  const { dropUndecided, http2Sockets } = route(http1, http2, options.tls !== undefined, limits.headersTimeoutMs);

  await new Promise<void>((resolve, reject) => {
    http1.once("error", reject).listen(options.port, options.host, resolve);
  });
  return {
    port: (http1.address() as AddressInfo).port,
    async close({ graceMs }) {
      closing.now = true;
      const closed = new Promise<void>((resolve) => http1.close(() => resolve()));
      dropUndecided();
      for (const session of sessions) session.close();
      const timer = setTimeout(() => {
        // Destroying a session that was closed before would wait for its peer.
        for (const socket of http2Sockets) socket.destroy();
        http1.closeAllConnections();
      }, graceMs);
      await closed;
      clearTimeout(timer);
    },
  };
}

function createHttp1(options: ListenOptions, limits: ListenLimits): Server {
  const common = {
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

type StreamListener = (
  this: Http2Server,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags: number,
  rawHeaders: readonly string[],
) => void;

/** Lets the handler look at bare streams first, and gives it those that it leaves as requests. */
function serveStreams(http2: Http2Server, handler: NodeHandler): void {
  http2.on("request", handler);
  const { stream: serveStream } = handler;
  if (serveStream === undefined) return;
  // What makes requests out of streams is a listener that Node adds with the first listener for requests.
  const asRequest = http2.listeners("stream") as StreamListener[];
  http2.removeAllListeners("stream");
  const onStream: StreamListener = (stream, headers, flags, rawHeaders) => {
    if (serveStream(stream, headers, rawHeaders)) return;
    for (const listener of asRequest) listener.call(http2, stream, headers, flags, rawHeaders);
  };
  http2.on("stream", onStream);
}

interface Routing {
  /** Drops connections whose protocol is not known yet. */
  dropUndecided(): void;
  /** The open connections that speak HTTP/2. */
  readonly http2Sockets: ReadonlySet<Socket>;
}

/** Puts itself before the HTTP/1.1 server's own listener. */
function route(http1: Server, http2: Http2Server, tls: boolean, timeoutMs: number): Routing {
  const http2Sockets = new Set<Socket>();
  const event = tls ? "secureConnection" : "connection";
  const own = http1.listeners(event) as ((socket: Socket) => void)[];
  http1.removeAllListeners(event);
  const toHttp1 = (socket: Socket) => {
    for (const listener of own) listener.call(http1, socket);
  };
  const toHttp2 = (socket: Socket) => {
    // HTTP/2 knows no half-open connection: a peer that ends its side is gone.
    socket.allowHalfOpen = false;
    http2Sockets.add(socket);
    socket.once("close", () => http2Sockets.delete(socket));
    http2.emit("connection", socket);
  };
  if (tls) {
    http1.on(event, (socket: TLSSocket) => (socket.alpnProtocol === "h2" ? toHttp2 : toHttp1)(socket));
    return { dropUndecided: () => {}, http2Sockets };
  }
  const { onConnection, dropUndecided } = divert(timeoutMs, toHttp1, toHttp2);
  http1.on(event, onConnection);
  return { dropUndecided, http2Sockets };
}

function trackSessions(http2: Http2Server, idleTimeoutMs: number): ReadonlySet<ServerHttp2Session> {
  const sessions = new Set<ServerHttp2Session>();
  http2.on("session", (session) => {
    let streams = 0;
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    session.on("stream", (stream) => {
      streams += 1;
      stream.once("close", () => {
        streams -= 1;
      });
    });
    // Quiet streams are no idleness: whoever watches may have nothing to hear for hours.
    session.setTimeout(idleTimeoutMs, () => {
      if (streams === 0) session.close();
    });
  });
  return sessions;
}
