import type { Interceptor } from "@connectrpc/connect";
import { callOf, type Subject } from "./call.js";

/** Throws a DomainError "precondition" that says why this project or tenant may not consume what costs money. */
export type Admitted = (subject: Subject, method: string) => Promise<void>;

/** Asks, for methods that cost money, whether their subject may spend it. */
export function chargeBy(admitted: Admitted): Interceptor {
  return (next) => (req) => {
    const { policy, subject } = callOf(req);
    return policy.chargeable ? admitted(subject, policy.path).then(() => next(req)) : next(req);
  };
}
