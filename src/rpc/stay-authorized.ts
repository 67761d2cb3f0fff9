import type { Interceptor, StreamRequest } from "@connectrpc/connect";
import { type Caller, callerKey } from "../caller.js";
import { DomainError } from "../errors.js";
import { type Authenticate, tokenKey, type WatchCaller } from "./authenticate.js";
import { callOf } from "./call.js";
import { decide } from "./decide.js";
import { policyOf } from "./method-options.js";
import { endOf, type StreamEnd, withSignal } from "./stream-end.js";
import { observe } from "./streams.js";

type AnyFn = ReturnType<Interceptor>;
type AnyRequest = Parameters<AnyFn>[0];

/**
 * Ends a stream whose caller loses the right to it: when the token is revoked
 * or expires, or a role is taken away. Whoever keeps the right notices nothing.
 */
export function stayAuthorized(authenticate: Authenticate, watch: WatchCaller): Interceptor {
  const staying = async (next: AnyFn, req: StreamRequest, token: string): ReturnType<AnyFn> => {
    const end = endOf(req);
    const close = openGuard(req, end, watch, async () => authenticate(token));
    try {
      const res = await next(withSignal(req, end));
      if (res.stream) return { ...res, message: observe(res.message, { onEnd: close }) };
      close();
      return res;
    } catch (error) {
      close();
      throw error;
    }
  };
  return (next) => (req) => {
    const token = req.stream ? req.contextValues.get(tokenKey) : undefined;
    return req.stream && token !== undefined ? staying(next, req, token) : next(req);
  };
}

/** Ends a stream with an error when its caller may no longer have it; answers how to stop looking. */
function openGuard(
  req: AnyRequest,
  end: StreamEnd,
  watch: WatchCaller,
  authenticate: () => Promise<Caller>,
): () => void {
  const { contextValues: values } = req;
  let closed = false;
  let stopWatching = () => {};
  const stand = (): void => {
    const caller = values.get(callerKey);
    if (caller !== undefined && !closed) stopWatching = watch(caller, judgeAgain);
  };
  const judgeAgain = (): void => {
    const judged = authenticate().then((caller) => {
      values.set(callerKey, caller);
      const decision = decide(policyOf(req.method), caller, callOf(req).subject);
      if (!decision.allowed) throw new DomainError(decision.kind, decision.message);
    });
    judged.then(stand, (error: unknown) => {
      if (!closed) end.abort(error);
    });
  };
  stand();
  return () => {
    closed = true;
    stopWatching();
  };
}
