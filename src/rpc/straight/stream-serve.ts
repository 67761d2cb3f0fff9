import type { ServerHttp2Stream } from "node:http2";
import type { StreamResponse } from "@connectrpc/connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { connectErrorOf, plain } from "./answer.js";
import { streamRequest } from "./context.js";
import type { Exchange } from "./exchange.js";
import type { StreamStraight } from "./methods.js";
import type { EncodeMessage } from "./stream-encode.js";
import { messagesOf } from "./stream-request.js";
import { type StreamForm, writeMessages } from "./stream-write.js";

export interface StreamOptions {
  readonly readMaxBytes: number;
  /** Name of the compression that callers may take. */
  readonly gzip: { readonly name: string };
  readonly encode: EncodeMessage;
}

/**
 * Serves a call of gRPC whose answer is a stream. The interceptors begin before the request has come; whoever ends
 * the exchange's context ends the stream.
 */
export function serveStream(
  exchange: Exchange,
  method: StreamStraight,
  stream: ServerHttp2Stream,
  options: StreamOptions,
): void {
  const { context } = exchange;
  const answer = answerOn(exchange, method, stream, options);
  const request = streamRequest(context, messagesOf(stream, method, options.readMaxBytes));
  method.invoke(request).then(
    ({ header, trailer, message }) => writeMessages(stream, message, answer(header, trailer)),
    (error: unknown) => answer(context.responseHeader, context.responseTrailer).close(error, false),
  );
}

/** Makes what an answer looks like, once its headers and trailers are known. */
function answerOn(
  { context, head, baseHeaders }: Exchange,
  method: StreamStraight,
  stream: ServerHttp2Stream,
  { encode, gzip }: StreamOptions,
) {
  return (header: StreamResponse["header"], trailer: StreamResponse["trailer"]): StreamForm => ({
    encode: (message) => encode(method, message, head.gzip),
    open() {
      if (isGone(stream)) return;
      // It says what may be compressed, not what is.
      const encoding = head.gzip ? { "grpc-encoding": gzip.name } : {};
      stream.respond({ ":status": 200, ...baseHeaders, ...plain(header), ...encoding }, { waitForTrailers: true });
    },
    close(error, isOpen) {
      if (error !== undefined) setTrailerStatus(context.responseTrailer, connectErrorOf(error));
      context.end(error);
      if (isGone(stream)) return;
      if (!isOpen) this.open();
      const trailers = plain(error === undefined ? trailer : context.responseTrailer);
      stream.once("wantTrailers", () => stream.sendTrailers(trailers));
      stream.end();
      // What nobody read of the request would keep the stream open.
      stream.resume();
    },
  });
}

const isGone = (stream: ServerHttp2Stream): boolean => stream.destroyed || stream.closed;
