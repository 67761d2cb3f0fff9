import { Code, type ConnectRouter, createContextValues } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import { type Origin, originKey, wasOpened } from "./call.js";
import { answer, type NodeHandler, type NodeRequest, type NodeResponse } from "./http-types.js";
import { createBodyWatch } from "./http2-body-time.js";
import { settleRefusal } from "./refusals.js";
import type { TransportOptions } from "./transport-options.js";

/** A request of an RPC of which something was done before: where it comes from, and what was read of it. */
export interface BegunRequest {
  readonly path: string;
  readonly origin: Origin;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly begun: Uint8Array;
  /** Whether more of the request may come, from the request itself. */
  readonly rest: boolean;
}

/** Serves whatever is asked, by Connect's own adapter where it is an RPC. */
export interface LongWay {
  readonly serve: NodeHandler;
  readonly serveBegun: (req: NodeRequest, res: NodeResponse, begun: BegunRequest) => void;
}

export interface LongWayOptions extends TransportOptions {
  readonly originOf: (headers: NodeRequest["headers"], remoteAddress: string | undefined) => Origin;
}

/** Builds it from the services that are registered with a router. */
export function createLongWay(router: ConnectRouter, options: LongWayOptions): LongWay {
  const rpcs = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  const bodyWatch = createBodyWatch(options.bodyTimeoutMs);
  const call = (rpc: UniversalHandler, req: NodeRequest, res: NodeResponse, origin: Origin, body: Body) => {
    callRpc(rpc, req, res, origin, body, options).catch((error: unknown) => {
      // Mostly the peer is gone, and the call's own line says so; a malformed authority ends here too.
      const { traceId: trace, requestId: request } = origin.trace;
      options.log.debug({ err: error, trace, request }, "response not delivered");
      try {
        answer(res, 400, { "content-type": "text/plain" }, "malformed request\n");
      } catch {
        // A handler's header that this version of HTTP forbids is still there.
        res.destroy();
      }
    });
  };
  return {
    serve(req, res) {
      const origin = options.originOf(req.headers, req.socket?.remoteAddress);
      res.setHeader("x-request-id", origin.trace.requestId);
      if (options.cors.answers(req, res)) return;
      const rpc = rpcs.get(req.url?.split("?", 1)[0] ?? "");
      // HTTP/1.1 has Node's own timer; over HTTP/2 nobody else would notice a request that never ends.
      if ("stream" in req && !streamsRequests(rpc)) bodyWatch.watch(req.stream);
      if (rpc !== undefined) {
        call(rpc, req, res, origin, bodyOf(req));
      } else if (!options.httpRoutes(req, res, origin)) {
        req.resume();
        answer(res, 404, { "content-type": "application/json" }, notFound);
      }
    },
    serveBegun(req, res, { path, origin, headers, begun, rest }) {
      const rpc = rpcs.get(path);
      if (rpc === undefined) throw new Error(`${path} is not served`);
      for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
      if (rest && "stream" in req) bodyWatch.watch(req.stream);
      call(rpc, req, res, origin, withBegun(begun, rest ? bodyOf(req) : undefined));
    },
  };
}

// Connect clients read code and message from it; gRPC clients take a 404 for "unimplemented".
const notFound = JSON.stringify({
  code: "unimplemented",
  message:
    "nothing is served here: POST to /<package>.<Service>/<Method> by Connect, gRPC or gRPC-Web; server reflection lists the methods",
});

const streamsRequests = (rpc: UniversalHandler | undefined): boolean =>
  rpc?.method.methodKind === "client_streaming" || rpc?.method.methodKind === "bidi_streaming";

type Body = AsyncIterableIterator<Uint8Array>;

// Leaving this iterator does not destroy the request, and with it the connection that the response needs.
const bodyOf = (req: NodeRequest): Body => req.iterator({ destroyOnReturn: false }) as Body;

async function* withBegun(begun: Uint8Array, rest: Body | undefined): Body {
  yield begun;
  if (rest !== undefined) yield* rest;
}

async function callRpc(
  rpc: UniversalHandler,
  req: NodeRequest,
  res: NodeResponse,
  origin: Origin,
  body: Body,
  options: LongWayOptions,
): Promise<void> {
  const began = performance.now();
  const values = createContextValues().set(originKey, origin);
  // HTTP/1.0 need not name a host.
  if (!("authority" in req)) req.headers.host ??= "localhost";
  res.once("close", () => discardRest(req, body));
  const response = await rpc({ ...universalRequestFromNodeRequest(req, res, undefined, values), body });
  if (rpc.method.methodKind === "unary") discardRest(req, body);
  const report = (code: Code) => {
    // Whoever left before the request had come did nothing wrong, and hears nothing of it.
    const told = isCutShort(req) ? Code.Canceled : code;
    options.onRefused({ method: rpc.method, origin, code: told, ms: msSince(began) });
  };
  const settled = wasOpened(values) ? response : await settleRefusal(response, report);
  await universalResponseToNodeResponse(settled, res);
}

/** Whether the peer reset the stream, or its connection broke, before the request was read. */
const isCutShort = (req: NodeRequest): boolean => req.readableAborted || req.aborted;

/** How long something took, in ms with one digit after the point. */
export const msSince = (began: number): number => Math.round((performance.now() - began) * 10) / 10;

// What nobody reads would block the next request of the connection, or reset the stream before its response is read.
function discardRest(req: NodeRequest, body: AsyncIterator<unknown>): void {
  body.return?.().then(
    () => req.resume(),
    () => {},
  );
}
