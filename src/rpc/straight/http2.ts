import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Http2StreamHandler } from "../http-types.js";
import type { BodyWatch } from "../http2-body-time.js";
import type { Answer, PlainHeaders } from "./answer.js";
import type { CallContext } from "./context.js";
import { beginExchange, type Exchange, type ExchangeOptions, serveUnary } from "./exchange.js";
import { encodeShared } from "./stream-encode.js";
import { serveStream } from "./stream-serve.js";

export interface Http2Options extends ExchangeOptions {
  /** Ends requests that do not come to their end. */
  readonly bodyWatch: BodyWatch;
  /** Serves a stream whose request cannot be served here; see LongWay. */
  readonly longWay: (
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    rawHeaders: readonly string[],
    exchange: Exchange,
    begun: Buffer,
    rest: boolean,
  ) => void;
}

/** Serves calls straight from HTTP/2 streams, without the request and response objects that Node makes of them. */
export function straightHttp2(options: Http2Options): Http2StreamHandler {
  const addressOf = createAddresses();
  const streamOptions = { ...options, encode: encodeShared(options) };
  return (stream, headers, rawHeaders) => {
    // Reset in the packet of its own headers: nobody waits for an answer, and what is left looks like an empty request.
    if (stream.destroyed) return true;
    const { session } = stream;
    if (headers[":method"] !== "POST" || session === undefined) return false;
    const head = options.heads.read(headers[":path"], headers, true, session.encrypted === true);
    if (head === undefined) return false;
    const exchange = beginExchange(head, headers, addressOf(session), options);
    const { context, baseHeaders } = exchange;
    endWith(stream, context);
    if (head.method.kind === "unary") {
      options.bodyWatch.begin(stream);
      serveUnary(exchange, head.method, stream, options, {
        requestOver: () => options.bodyWatch.release(stream),
        write: (answer) => writeAnswer(stream, baseHeaders, answer),
        longWay: (begun, rest) => options.longWay(stream, headers, rawHeaders, exchange, begun, rest),
      });
    } else {
      options.bodyWatch.watch(stream);
      serveStream(exchange, head.method, stream, streamOptions);
    }
    return true;
  };
}

/** A function of its own, so that the listener holds on to nothing but these two while a stream is open. */
function endWith(stream: ServerHttp2Stream, context: CallContext): void {
  stream.on("close", () => context.end(resetReason(stream.rstCode)));
}

const withTrailers = { waitForTrailers: true };

function writeAnswer(stream: ServerHttp2Stream, baseHeaders: PlainHeaders, answer: Answer): void {
  // Its caller is gone.
  if (stream.destroyed || stream.closed) return;
  const { status, headers, body, trailers } = answer;
  const all = { ":status": status, ...baseHeaders, ...headers };
  if (trailers === undefined) stream.respond(all);
  else {
    stream.respond(all, withTrailers);
    stream.on("wantTrailers", () => stream.sendTrailers(trailers));
  }
  stream.end(body);
}

/** The addresses of the other ends, each asked for once for its connection. */
function createAddresses() {
  const known = new WeakMap<object, string | undefined>();
  return (session: NonNullable<ServerHttp2Stream["session"]>): string | undefined => {
    if (known.has(session)) return known.get(session);
    const { remoteAddress } = session.socket;
    known.set(session, remoteAddress);
    return remoteAddress;
  };
}

const resets: Readonly<Record<number, readonly [name: string, code: Code]>> = {
  [constants.NGHTTP2_PROTOCOL_ERROR]: ["PROTOCOL_ERROR", Code.Internal],
  [constants.NGHTTP2_INTERNAL_ERROR]: ["INTERNAL_ERROR", Code.Internal],
  [constants.NGHTTP2_FLOW_CONTROL_ERROR]: ["FLOW_CONTROL_ERROR", Code.Internal],
  [constants.NGHTTP2_SETTINGS_TIMEOUT]: ["SETTINGS_TIMEOUT", Code.Internal],
  [constants.NGHTTP2_FRAME_SIZE_ERROR]: ["FRAME_SIZE_ERROR", Code.Internal],
  [constants.NGHTTP2_REFUSED_STREAM]: ["REFUSED_STREAM", Code.Unavailable],
  [constants.NGHTTP2_CANCEL]: ["CANCEL", Code.Canceled],
  [constants.NGHTTP2_COMPRESSION_ERROR]: ["COMPRESSION_ERROR", Code.Internal],
  [constants.NGHTTP2_CONNECT_ERROR]: ["CONNECT_ERROR", Code.Internal],
  [constants.NGHTTP2_ENHANCE_YOUR_CALM]: ["ENHANCE_YOUR_CALM", Code.ResourceExhausted],
  [constants.NGHTTP2_INADEQUATE_SECURITY]: ["INADEQUATE_SECURITY", Code.PermissionDenied],
  [constants.NGHTTP2_HTTP_1_1_REQUIRED]: ["HTTP_1_1_REQUIRED", Code.PermissionDenied],
};

/** Why a stream was reset, as the specification of gRPC maps it and in the library's words; undefined when it was not. */
function resetReason(rstCode: number): ConnectError | undefined {
  const reset = resets[rstCode];
  if (reset === undefined) return undefined;
  const [name, code] = reset;
  return new ConnectError(`http/2 stream closed with error code ${name} (0x${rstCode.toString(16)})`, code);
}
