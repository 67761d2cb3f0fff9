import type { Interceptor } from "@connectrpc/connect";
import { callerKey } from "../caller.js";
import { DomainError } from "../errors.js";
import { type Authenticate, tokenKey, type WatchCaller } from "./authenticate.js";
import { callOf } from "./call.js";
import { decide } from "./decide.js";
import { policyOf } from "./method-options.js";
import { observe } from "./streams.js";

type AnyRequest = Parameters<ReturnType<Interceptor>>[0];

/**
 * Ends a stream whose caller loses the right to it: when the token is revoked
 * or expires, or a role is taken away. Whoever keeps the right notices nothing.
 */
export function stayAuthorized(authenticate: Authenticate, watch: WatchCaller): Interceptor {
  return (next) => async (req) => {
    const token = req.contextValues.get(tokenKey);
    if (!req.stream || token === undefined) return next(req);
    const guard = openGuard(req, watch, (signal) => authenticate(token, signal));
    try {
      const res = await next({ ...req, signal: guard.signal });
      if (res.stream) return { ...res, message: observe(res.message, { onEnd: guard.close }) };
      guard.close();
      return res;
    } catch (error) {
      guard.close();
      throw error;
    }
  };
}

/** A signal that fires when the request's does, and with an error when its caller may no longer do this. */
function openGuard(
  req: AnyRequest,
  watch: WatchCaller,
  authenticate: (signal: AbortSignal) => ReturnType<Authenticate>,
) {
  const { contextValues: values } = req;
  const ended = new AbortController();
  let closed = false;
  let stopWatching = () => {};
  const leave = () => ended.abort(req.signal.reason);
  const stand = (): void => {
    const caller = values.get(callerKey);
    if (caller !== undefined && !closed) stopWatching = watch(caller, judgeAgain);
  };
  const judgeAgain = (): void => {
    const judged = authenticate(ended.signal).then((caller) => {
      values.set(callerKey, caller);
      const decision = decide(policyOf(req.method), caller, callOf(req).subject);
      if (!decision.allowed) throw new DomainError(decision.kind, decision.message);
    });
    judged.then(stand, (error: unknown) => ended.abort(error));
  };
  if (req.signal.aborted) leave();
  req.signal.addEventListener("abort", leave, { once: true });
  stand();
  return {
    signal: ended.signal,
    close() {
      closed = true;
      req.signal.removeEventListener("abort", leave);
      stopWatching();
    },
  };
}
