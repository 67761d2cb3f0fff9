import { constants } from "node:http2";
import type { BlockList } from "node:net";
import {
  type Code,
  type ConnectRouter,
  createConnectRouter,
  createContextValues,
  type Interceptor,
} from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { Logger } from "pino";
import { type Origin, originKey, wasOpened } from "./call.js";
import { quickGzip } from "./compression.js";
import type { Cors } from "./cors.js";
import type { HttpRoutes } from "./http-routes.js";
import { answer, headerOf, type NodeHandler, type NodeRequest, type NodeResponse } from "./http-types.js";
import { sourceAddress } from "./peer.js";
import { type OnRefused, settleRefusal } from "./refusals.js";
import { traceOf } from "./trace.js";

export interface TransportLimits {
  /** Largest request message in bytes; a larger one is RESOURCE_EXHAUSTED. */
  readonly readMaxBytes: number;
  /** Largest response message in bytes, likewise. */
  readonly writeMaxBytes: number;
  /** Longest timeout that a caller may ask for, in ms; a longer one is INVALID_ARGUMENT. */
  readonly maxTimeoutMs: number;
  /** Smallest response message that is worth compressing, in bytes. */
  readonly compressMinBytes: number;
  /** Time for the whole request over HTTP/2, in ms; requests that are streams may take longer. */
  readonly bodyTimeoutMs: number;
}

export interface TransportOptions extends TransportLimits {
  /** What each call passes, unless its service is registered with others; the outermost first. */
  readonly interceptors: Interceptor[];
  /** Registers the services. */
  readonly routes: (router: ConnectRouter) => void;
  readonly httpRoutes: HttpRoutes;
  readonly cors: Cors;
  readonly trusted: BlockList;
  readonly newId: () => string;
  readonly log: Logger;
  readonly shutdownSignal: AbortSignal;
  /** Told of calls that ended before they reached the interceptors. */
  readonly onRefused: OnRefused;
}

/** Builds the request handler for gRPC, gRPC-Web, Connect and plain HTTP; it survives whatever is sent. */
export function createTransport(options: TransportOptions): NodeHandler {
  const router = createConnectRouter({
    acceptCompression: [quickGzip],
    compressMinBytes: options.compressMinBytes,
    readMaxBytes: options.readMaxBytes,
    writeMaxBytes: options.writeMaxBytes,
    maxTimeoutMs: options.maxTimeoutMs,
    shutdownSignal: options.shutdownSignal,
    interceptors: options.interceptors,
  });
  options.routes(router);
  const rpcs = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  const serve: NodeHandler = (req, res) => {
    const origin = originOf(req, options);
    res.setHeader("x-request-id", origin.trace.requestId);
    if (options.cors(req, res)) return;
    const rpc = rpcs.get(req.url?.split("?", 1)[0] ?? "");
    limitBodyTime(req, rpc, options.bodyTimeoutMs);
    if (rpc !== undefined) {
      callRpc(rpc, req, res, origin, options).catch((error: unknown) => failed(error, res, origin, options.log));
    } else if (!options.httpRoutes(req, res, origin)) {
      req.resume();
      answer(res, 404, { "content-type": "application/json" }, notFound);
    }
  };
  return (req, res) => {
    try {
      serve(req, res);
    } catch (error) {
      // The peer reset the stream before it was looked at.
      options.log.debug({ err: error }, "request not served");
      answer(res, 400, { "content-type": "text/plain" }, "malformed request\n");
    }
  };
}

// Connect clients read code and message from it; gRPC clients take a 404 for "unimplemented".
const notFound = JSON.stringify({
  code: "unimplemented",
  message:
    "nothing is served here: POST to /<package>.<Service>/<Method> by Connect, gRPC or gRPC-Web; server reflection lists the methods",
});

function originOf(req: NodeRequest, options: TransportOptions): Origin {
  const forwardedFor = req.headers["x-forwarded-for"];
  const list = Array.isArray(forwardedFor) ? forwardedFor.join(",") : forwardedFor;
  return {
    trace: traceOf(headerOf(req, "x-request-id"), headerOf(req, "traceparent"), options.newId),
    peer: {
      address: sourceAddress(req.socket?.remoteAddress, list, options.trusted),
      userAgent: (headerOf(req, "user-agent") ?? "").slice(0, 256),
    },
  };
}

async function callRpc(
  rpc: UniversalHandler,
  req: NodeRequest,
  res: NodeResponse,
  origin: Origin,
  options: TransportOptions,
): Promise<void> {
  const began = performance.now();
  const values = createContextValues().set(originKey, origin);
  // HTTP/1.0 need not name a host.
  if (!("authority" in req)) req.headers.host ??= "localhost";
  // Leaving this iterator does not destroy the request, and with it the connection that the response needs.
  const body = req.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Uint8Array>;
  res.once("close", () => discardRest(req, body));
  const response = await rpc({ ...universalRequestFromNodeRequest(req, res, undefined, values), body });
  if (rpc.method.methodKind === "unary") discardRest(req, body);
  const report = (code: Code) =>
    options.onRefused({ method: rpc.method, origin, code, ms: Math.round((performance.now() - began) * 10) / 10 });
  const settled = wasOpened(values) ? response : await settleRefusal(response, report);
  await universalResponseToNodeResponse(settled, res);
}

// What nobody reads would block the next request of the connection, or reset the stream before its response is read.
function discardRest(req: NodeRequest, body: AsyncIterator<unknown>): void {
  body.return?.().then(
    () => req.resume(),
    () => {},
  );
}

// HTTP/1.1 has Node's own timer; over HTTP/2 nobody else would notice a request that never ends.
function limitBodyTime(req: NodeRequest, rpc: UniversalHandler | undefined, timeoutMs: number): void {
  const kind = rpc?.method.methodKind;
  if (!("stream" in req) || kind === "client_streaming" || kind === "bidi_streaming") return;
  const timer = setTimeout(() => req.stream.close(constants.NGHTTP2_CANCEL), timeoutMs);
  const done = () => clearTimeout(timer);
  req.once("end", done).once("close", done);
}

function failed(error: unknown, res: NodeResponse, origin: Origin, log: Logger): void {
  // Mostly the peer is gone, and the call's own line says so; a malformed authority ends here too.
  log.debug({ err: error, trace: origin.trace.traceId, request: origin.trace.requestId }, "response not delivered");
  answer(res, 400, { "content-type": "text/plain" }, "malformed request\n");
}
