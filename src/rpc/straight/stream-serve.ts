import type { ServerHttp2Stream } from "node:http2";
import type { Message } from "@bufbuild/protobuf";
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
  /** Told of answers that could not be written. */
  readonly onUndelivered: (call: Exchange, error: unknown) => void;
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
  const request = streamRequest(context, messagesOf(stream, method, options.readMaxBytes));
  method.invoke(request).then(
    ({ header, trailer, message }) =>
      writeMessages(stream, message, new GrpcAnswer(exchange, method, stream, options, header, trailer)),
    (error: unknown) => {
      const { responseHeader, responseTrailer } = context;
      new GrpcAnswer(exchange, method, stream, options, responseHeader, responseTrailer).close(error, false);
    },
  );
}

/** What a stream of answers looks like; one object for each, because there are ten thousands. */
class GrpcAnswer implements StreamForm {
  readonly #exchange: Exchange;
  readonly #method: StreamStraight;
  readonly #stream: ServerHttp2Stream;
  readonly #options: StreamOptions;
  readonly #header: Headers;
  readonly #trailer: Headers;

  constructor(
    exchange: Exchange,
    method: StreamStraight,
    stream: ServerHttp2Stream,
    options: StreamOptions,
    header: Headers,
    trailer: Headers,
  ) {
    this.#exchange = exchange;
    this.#method = method;
    this.#stream = stream;
    this.#options = options;
    this.#header = header;
    this.#trailer = trailer;
  }

  encode(message: Message): Buffer | Promise<Buffer> {
    return this.#options.encode(this.#method, message, this.#exchange.head.gzip);
  }

  open(): void {
    const { baseHeaders, head } = this.#exchange;
    if (isGone(this.#stream)) return;
    // It says what may be compressed, not what is.
    const encoding = head.gzip ? { "grpc-encoding": this.#options.gzip.name } : {};
    const headers = { ":status": 200, ...baseHeaders, ...plain(this.#header), ...encoding };
    try {
      this.#stream.respond(headers, { waitForTrailers: true });
    } catch (error) {
      // A header that HTTP/2 does not know, for example.
      this.#stream.destroy();
      this.#options.onUndelivered(this.#exchange, error);
    }
  }

  close(error: unknown, isOpen: boolean): void {
    const { context } = this.#exchange;
    const stream = this.#stream;
    if (error !== undefined) setTrailerStatus(context.responseTrailer, connectErrorOf(error));
    context.end(error);
    if (isGone(stream)) return;
    if (!isOpen) this.open();
    const trailers = plain(error === undefined ? this.#trailer : context.responseTrailer);
    stream.once("wantTrailers", () => stream.sendTrailers(trailers));
    stream.end();
    // What nobody read of the request would keep the stream open.
    stream.resume();
  }
}

const isGone = (stream: ServerHttp2Stream): boolean => stream.destroyed || stream.closed;
