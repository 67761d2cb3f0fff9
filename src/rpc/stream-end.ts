import { createContextKey, type Interceptor } from "@connectrpc/connect";
import type { InContext } from "./straight/context.js";

type AnyRequest = Parameters<ReturnType<Interceptor>>[0];

/** Ends a stream from outside: its signal fires with the error that its reader gets. */
export interface StreamEnd {
  readonly signal: AbortSignal;
  abort(reason: unknown): void;
}

const endKey = createContextKey<StreamEnd | undefined>(undefined, { description: "end of the stream" });

/**
 * The end of a call's stream: one for all interceptors that may have to end it, because each signal of
 * ten thousand silent streams takes memory. Its signal fires with the request's, too.
 */
export function endOf(req: AnyRequest): StreamEnd {
  const known = req.contextValues.get(endKey);
  if (known !== undefined) return known;
  const end = ownEnd(req) ?? linkedEnd(req.signal);
  req.contextValues.set(endKey, end);
  return end;
}

/** The request for whatever comes next, whose signal is that of the end. */
export function withSignal<Request extends AnyRequest>(req: Request, { signal }: StreamEnd): Request {
  return req.signal === signal ? req : { ...req, signal };
}

/** A call on the straight path can be ended itself. */
function ownEnd(req: AnyRequest): StreamEnd | undefined {
  const { context } = req as Partial<InContext>;
  if (context === undefined || context.signal !== req.signal) return undefined;
  return { signal: req.signal, abort: (reason) => context.end(reason) };
}

/** It need not be unlinked: the signal of a request fires at its end, and then both go. */
function linkedEnd(parent: AbortSignal): StreamEnd {
  const end = new AbortController();
  const onAbort = () => end.abort(parent.reason);
  if (parent.aborted) onAbort();
  else parent.addEventListener("abort", onAbort, { once: true });
  return end;
}
