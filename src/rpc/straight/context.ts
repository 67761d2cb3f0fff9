import type { DescMethod, DescService } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ContextValues,
  type HandlerContext,
  type Interceptor,
  type StreamRequest,
  type UnaryRequest,
} from "@connectrpc/connect";

import { LazyHeaders } from "./lazy-headers.js";

type AnyRequest = Parameters<ReturnType<Interceptor>>[0];

/** What is known of a call when its handler is about to be asked. */
export interface ContextInit {
  readonly method: DescMethod;
  readonly protocolName: "grpc" | "connect";
  /** The type of a good answer's body. */
  readonly contentType: string;
  readonly url: string;
  readonly requestHeader: Headers;
  readonly values: ContextValues;
  /** The time that the caller gives the call, in ms, from now on; undefined: as long as it takes. */
  readonly timeoutMs: number | undefined;
  readonly shutdownSignal: AbortSignal;
}

/** Why a signal fired that nobody fired while the call was under way. One for all: an error of its own costs a stack. */
const over = new DOMException("the call is over", "AbortError");

/**
 * The context of one call, as its handler sees it. What most calls never ask for
 * is made when it is asked for: above all the signal, which costs more than all the rest.
 */
export class CallContext implements HandlerContext {
  readonly method: DescMethod;
  readonly service: DescService;
  readonly protocolName: "grpc" | "connect";
  readonly requestMethod = "POST";
  readonly url: string;
  readonly requestHeader: Headers;
  readonly responseHeader: Headers;
  readonly responseTrailer: Headers;
  readonly values: ContextValues;
  readonly timeoutMs: () => number | undefined;
  /** The request as the outermost interceptor gets it. */
  request: AnyRequest | undefined;
  readonly #shutdownSignal: AbortSignal;
  readonly #timer: NodeJS.Timeout | undefined;
  #controller: AbortController | undefined;
  /** Why the call has ended; undefined while it is under way. */
  #reason: unknown;

  constructor(init: ContextInit) {
    const { method, protocolName, contentType, timeoutMs } = init;
    this.method = method;
    this.service = method.parent;
    this.protocolName = protocolName;
    this.url = init.url;
    this.requestHeader = init.requestHeader;
    this.responseHeader = new LazyHeaders({ "content-type": contentType });
    this.responseTrailer = new LazyHeaders(protocolName === "grpc" ? grpcTrailer : noTrailer);
    this.values = init.values;
    this.#shutdownSignal = init.shutdownSignal;
    if (timeoutMs === undefined) {
      this.timeoutMs = noTimeout;
      return;
    }
    const endsAt = Date.now() + timeoutMs;
    this.timeoutMs = () => endsAt - Date.now();
    const late = () => this.end(new ConnectError("the operation timed out", Code.DeadlineExceeded));
    if (timeoutMs <= 0) late();
    else this.#timer = setTimeout(late, timeoutMs);
  }

  /** Fires when the call is over, its deadline has passed, its caller is gone or the server gives up. */
  get signal(): AbortSignal {
    if (this.#controller !== undefined) return this.#controller.signal;
    const shutdown = this.#shutdownSignal;
    this.#controller = new AbortController();
    if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    else if (shutdown.aborted) this.end(shutdown.reason);
    else callsUntil(shutdown).add(this);
    return this.#controller.signal;
  }

  /** Ends the call for this reason, unless it has ended. */
  end(reason: unknown = over): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    clearTimeout(this.#timer);
    if (this.#controller === undefined) return;
    callsUntil(this.#shutdownSignal).delete(this);
    this.#controller.abort(reason);
  }
}

const noTimeout = () => undefined;
const grpcTrailer = { "grpc-status": "0" };
const noTrailer = {};

const calls = new WeakMap<AbortSignal, Set<CallContext>>();

/** The calls that end when the signal fires: a listener for each of ten thousands would be looked for in all of them. */
function callsUntil(shutdown: AbortSignal): Set<CallContext> {
  const known = calls.get(shutdown);
  if (known !== undefined) return known;
  const found = new Set<CallContext>();
  const onShutdown = () => {
    for (const call of found) call.end(shutdown.reason);
  };
  shutdown.addEventListener("abort", onShutdown, { once: true });
  calls.set(shutdown, found);
  return found;
}

/** A request that brings the context of its call along, through whatever interceptors make of it. */
export interface InContext {
  readonly context: CallContext;
}

/** A request of one message, as interceptors see it. Its signal is not among what a copy of it has. */
class OneMessage implements UnaryRequest, InContext {
  readonly stream = false;
  readonly method: UnaryRequest["method"];
  readonly service: DescService;
  readonly requestMethod = "POST";
  readonly url: string;
  readonly header: Headers;
  readonly contextValues: ContextValues;

  constructor(
    readonly context: CallContext,
    readonly message: UnaryRequest["message"],
  ) {
    this.method = context.method as UnaryRequest["method"];
    this.service = context.service;
    this.url = context.url;
    this.header = context.requestHeader;
    this.contextValues = context.values;
  }

  get signal(): AbortSignal {
    return this.context.signal;
  }
}

/** A request of one message, as interceptors see it. */
export function unaryRequest(context: CallContext, message: UnaryRequest["message"]): UnaryRequest & InContext {
  const request = new OneMessage(context, message);
  context.request = request;
  return request;
}

/** The request of a stream, as interceptors see it. */
export function streamRequest(context: CallContext, message: StreamRequest["message"]): StreamRequest & InContext {
  const { service, url, requestHeader: header, values: contextValues, signal } = context;
  const method = context.method as StreamRequest["method"];
  return { stream: true, message, method, service, requestMethod: "POST", url, header, contextValues, context, signal };
}

/** What the handler of a request gets: its call's context, with what interceptors have put in its place. */
export function handlerContextOf(req: AnyRequest): HandlerContext {
  const { context } = req as AnyRequest & InContext;
  if (req === context.request) return context;
  const { method, protocolName, requestMethod, url, responseHeader, responseTrailer, timeoutMs } = context;
  const { service, header: requestHeader, contextValues: values } = req;
  // A copy of a unary request has no signal of its own.
  const signal: AbortSignal = (req.signal as AbortSignal | undefined) ?? context.signal;
  const ofCall = { method, protocolName, requestMethod, url, responseHeader, responseTrailer, timeoutMs };
  return { ...ofCall, service, requestHeader, signal, values };
}
