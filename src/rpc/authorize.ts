import type { Interceptor } from "@connectrpc/connect";
import { callerKey } from "../caller.js";
import { DomainError } from "../errors.js";
import { type Authenticate, tokenKey } from "./authenticate.js";
import { callOf } from "./call.js";
import { decide } from "./decide.js";
import { policyOf } from "./method-options.js";

/**
 * Lets a call through only if the method's options allow its caller; streams
 * before they begin. What is known of a caller may be a moment old: before a
 * refusal it is read again, so that a right holds as soon as it is given.
 */
export function authorizeBy(refresh: Authenticate | undefined): Interceptor {
  return (next) => async (req) => {
    const { contextValues: values } = req;
    const judge = () => decide(policyOf(req.method), values.get(callerKey), callOf(req).subject);
    let decision = judge();
    const token = values.get(tokenKey);
    if (!decision.allowed && token !== undefined && refresh !== undefined) {
      values.set(callerKey, await refresh(token, req.signal));
      decision = judge();
    }
    if (!decision.allowed) throw new DomainError(decision.kind, decision.message);
    return next(req);
  };
}
