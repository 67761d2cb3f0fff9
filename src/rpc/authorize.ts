import type { Interceptor } from "@connectrpc/connect";
import { callerKey } from "../caller.js";
import { DomainError } from "../errors.js";
import { type Authenticate, tokenKey } from "./authenticate.js";
import { callOf } from "./call.js";
import { type Decision, decide } from "./decide.js";

/**
 * Lets a call through only if the method's options allow its caller; streams
 * before they begin. What is known of a caller may be a moment old: before a
 * refusal it is read again, so that a right holds as soon as it is given.
 */
export function authorizeBy(refresh: Authenticate | undefined): Interceptor {
  const again: Again = async (req, next, token) => {
    if (refresh !== undefined) req.contextValues.set(callerKey, await refresh(token));
    const decision = judge(req);
    if (!decision.allowed) throw new DomainError(decision.kind, decision.message);
    return next(req);
  };
  return (next) => (req) => {
    const decision = judge(req);
    if (decision.allowed) return next(req);
    const token = req.contextValues.get(tokenKey);
    if (token !== undefined && refresh !== undefined) return again(req, next, token);
    throw new DomainError(decision.kind, decision.message);
  };
}

type AnyFn = ReturnType<Interceptor>;
type AnyRequest = Parameters<AnyFn>[0];
type Again = (req: AnyRequest, next: AnyFn, token: string) => ReturnType<AnyFn>;

function judge(req: AnyRequest): Decision {
  const { policy, subject } = callOf(req);
  return decide(policy, req.contextValues.get(callerKey), subject);
}
