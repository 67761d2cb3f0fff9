import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import { createContextValues } from "@connectrpc/connect";
import { type Origin, originKey } from "../call.js";
import type { Cors } from "../cors.js";
import { type Answer, type AnswerOptions, answerUnary, type PlainHeaders } from "./answer.js";
import { type BodyLimits, collectBody, onlyMessage } from "./body.js";
import { CallContext } from "./context.js";
import { envelopeBytes, type Head, type Heads } from "./head.js";
import { LazyHeaders } from "./lazy-headers.js";
import type { StraightMethod, UnaryStraight } from "./methods.js";

/** What both HTTP versions need to serve a call. */
export interface ExchangeOptions extends AnswerOptions {
  readonly heads: Heads;
  readonly readMaxBytes: number;
  readonly cors: Pick<Cors, "headersFor">;
  readonly shutdownSignal: AbortSignal;
  /** Where a request comes from, by its headers and the address of its connection's other end. */
  readonly originOf: (headers: IncomingHttpHeaders, remoteAddress: string | undefined) => Origin;
  /** Told of requests whose caller was gone before they had come. */
  readonly onCutShort: (call: Exchange) => void;
  /** Told of answers that could not be written, mostly because their caller is gone. */
  readonly onUndelivered: (call: Exchange, error: unknown) => void;
}

/** One call on its way. */
export interface Exchange {
  readonly head: Head;
  readonly method: StraightMethod["method"];
  readonly origin: Origin;
  readonly context: CallContext;
  /** Milliseconds of the process's own clock. */
  readonly began: number;
  /** Headers that every answer has. */
  readonly baseHeaders: PlainHeaders;
}

/** Begins a call whose headers are there; its deadline runs from now on. */
export function beginExchange(
  head: Head,
  headers: IncomingHttpHeaders,
  remoteAddress: string | undefined,
  { originOf, cors, shutdownSignal }: ExchangeOptions,
): Exchange {
  const origin = originOf(headers, remoteAddress);
  const { dialect, url, timeoutMs } = head;
  const { method } = head.method;
  const values = createContextValues().set(originKey, origin);
  const requestHeader = new LazyHeaders(headers);
  const { protocolName, contentType } = dialect;
  const context = new CallContext({
    ...{ method, protocolName, contentType, url, requestHeader, values, timeoutMs, shutdownSignal },
  });
  const baseHeaders = { "x-request-id": origin.trace.requestId, ...cors.headersFor(headers.origin, head.path) };
  return { head, method, origin, context, began: performance.now(), baseHeaders };
}

/** What a version of HTTP does with a call. */
export interface Carrier {
  /** The request has come, as far as it will. */
  requestOver?(): void;
  write(answer: Answer): void;
  /** Sends what cannot be served here another way: `begun` was read of it; `rest` says whether more may come. */
  longWay(begun: Buffer, rest: boolean): void;
}

/** Reads the request of a unary call, runs it and writes its answer; or sends it the long way with what was read. */
export function serveUnary(
  exchange: Exchange,
  method: UnaryStraight,
  source: Readable,
  options: ExchangeOptions,
  carrier: Carrier,
): void {
  const { head, context } = exchange;
  const { binary, protocolName } = head.dialect;
  const leave = (begun: Buffer, rest: boolean) => {
    context.end();
    carrier.longWay(begun, rest);
  };
  const write = (answer: Answer): void => {
    try {
      carrier.write(answer);
    } catch (error) {
      source.destroy();
      options.onUndelivered(exchange, error);
    }
  };
  collectBody(source, limitsOf(head, options), (end) => {
    carrier.requestOver?.();
    if (end.kind === "cut short") {
      context.end();
      return options.onCutShort(exchange);
    }
    if (end.kind === "too much") return leave(end.begun, true);
    const bytes = protocolName === "grpc" ? onlyMessage(end.bytes) : end.bytes;
    const message = bytes && parsed(method, binary, bytes);
    // What is malformed gets the words of the library.
    if (message === undefined) return leave(end.bytes, false);
    void answerUnary(method, head, context, message, options).then(write);
  });
}

function limitsOf({ dialect }: Head, { readMaxBytes }: ExchangeOptions): BodyLimits {
  if (dialect.protocolName === "connect") return { limit: readMaxBytes };
  return { limit: readMaxBytes + envelopeBytes, messageLimit: readMaxBytes };
}

function parsed(method: UnaryStraight, binary: boolean, bytes: Buffer) {
  try {
    return method.serialization.getI(binary).parse(bytes);
  } catch {
    return undefined;
  }
}
