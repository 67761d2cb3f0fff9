import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { Code, createConnectRouter } from "@connectrpc/connect";
import type { Origin } from "./call.js";
import { quickGzip } from "./compression.js";
import { encodeOnce } from "./encode-once.js";
import { answer, type NodeHandler } from "./http-types.js";
import { createBodyWatch } from "./http2-body-time.js";
import { createLongWay, type LongWay, msSince } from "./long-way.js";
import { sourceAddress } from "./peer.js";
import type { Exchange, ExchangeOptions } from "./straight/exchange.js";
import { createHeads } from "./straight/head.js";
import { straightHttp1 } from "./straight/http1.js";
import { straightHttp2 } from "./straight/http2.js";
import { recordMethods, type StraightMethods } from "./straight/methods.js";
import { traceOf } from "./trace.js";
import type { TransportOptions } from "./transport-options.js";

/** Builds the request handler for gRPC, gRPC-Web, Connect and plain HTTP; it survives whatever is sent. */
export function createTransport(options: TransportOptions): NodeHandler {
  const { interceptors, readMaxBytes, writeMaxBytes, compressMinBytes, maxTimeoutMs, shutdownSignal } = options;
  const router = createConnectRouter({
    ...{ readMaxBytes, writeMaxBytes, compressMinBytes, maxTimeoutMs, shutdownSignal },
    acceptCompression: [quickGzip],
    // Outside of all others, where messages are encoded and nothing reads them.
    interceptors: [encodeOnce(), ...interceptors],
  });
  const { recording, methods } = recordMethods(router, { interceptors, readMaxBytes, writeMaxBytes });
  options.routes(recording);
  const originOf = originBy(options);
  const longWay = createLongWay(router, { ...options, originOf });
  const straight = createStraight(methods, longWay, { ...options, originOf });
  const handler: NodeHandler = (req, res) => {
    try {
      if ("stream" in req || !straight.request(req, res as ServerResponse)) longWay.serve(req, res);
    } catch (error) {
      // The peer reset the stream before it was looked at.
      options.log.debug({ err: error }, "request not served");
      answer(res, 400, { "content-type": "text/plain" }, "malformed request\n");
    }
  };
  return Object.assign(handler, { stream: straight.stream });
}

type OriginOf = (headers: IncomingHttpHeaders, remoteAddress: string | undefined) => Origin;

function originBy({ newId, trusted }: TransportOptions): OriginOf {
  const one = (value: string | string[] | undefined) => (Array.isArray(value) ? value[0] : value);
  return (headers, remoteAddress) => {
    const forwardedFor = headers["x-forwarded-for"];
    const list = Array.isArray(forwardedFor) ? forwardedFor.join(",") : forwardedFor;
    return {
      trace: traceOf(one(headers["x-request-id"]), one(headers.traceparent), newId),
      peer: {
        address: sourceAddress(remoteAddress, list, trusted),
        userAgent: (one(headers["user-agent"]) ?? "").slice(0, 256),
      },
    };
  };
}

/** The straight path, and the way back to the long one. */
function createStraight(
  methods: StraightMethods,
  longWay: LongWay,
  options: TransportOptions & { readonly originOf: OriginOf },
) {
  const exchange: ExchangeOptions = {
    ...options,
    heads: createHeads(methods, options),
    gzip: quickGzip,
    onCutShort: ({ method, origin, began }) =>
      options.onRefused({ method, origin, code: Code.Canceled, ms: msSince(began) }),
    onUndelivered({ origin }, error) {
      const { traceId: trace, requestId: request } = origin.trace;
      options.log.debug({ err: error, trace, request }, "response not delivered");
    },
  };
  const begunOf = ({ head: { path }, origin, baseHeaders: headers }: Exchange, begun: Buffer, rest: boolean) => ({
    ...{ path, origin, headers, begun, rest },
  });
  return {
    request: straightHttp1({
      ...exchange,
      longWay: (req, res, call, begun, rest) => longWay.serveBegun(req, res, begunOf(call, begun, rest)),
    }),
    stream: straightHttp2({
      ...exchange,
      bodyWatch: createBodyWatch(options.bodyTimeoutMs),
      longWay(stream, headers, rawHeaders, call, begun, rest) {
        const req = new Http2ServerRequest(stream, headers, {}, rawHeaders);
        longWay.serveBegun(req, new Http2ServerResponse(stream), begunOf(call, begun, rest));
      },
    }),
  };
}
