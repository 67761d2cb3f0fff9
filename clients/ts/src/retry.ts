import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { type Backoff, backoffMs } from "./backoff.js";
import { certificateReason } from "./network-reason.js";
import { pause } from "./pause.js";
import { retryAfterOf } from "./problem.js";

const backoff: Backoff = { initialMs: 200, maxMs: 5_000 };
/** The first call and three more. */
const mostAttempts = 4;
/** Who is told to come back later than that hears the error at once. */
const mostRetryAfterMs = 30_000;

const readNames = /^(Get|List|Check|Has|WhoAmI|ClusterInfo)|(List|Get)$/;

/** Whether a method only reads, so that calling it twice does no harm: its name says so, or its options do. */
export function isRead(method: DescMethod): boolean {
  if (method.methodKind !== "unary") return false;
  return method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS || readNames.test(method.name);
}

/** Whether a call that failed may go well later: the server is away, or told when to come back. */
export function mayMend(error: unknown): error is ConnectError {
  if (!(error instanceof ConnectError)) return false;
  if (error.code === Code.ResourceExhausted) return retryAfterOf(error) !== undefined;
  return error.code === Code.Unavailable && certificateReason(error) === undefined;
}

/** Makes reads again that failed for a while; writes never, for nobody knows whether they were done. */
export function retryReads(): Interceptor {
  return (next) => async (req) => {
    if (!isRead(req.method)) return next(req);
    for (let attempt = 1; ; attempt++) {
      try {
        // Headers are set on the way, and each attempt begins without those of the one before.
        return await next({ ...req, header: new Headers(req.header) });
      } catch (error) {
        const waitMs = attempt < mostAttempts ? waitOf(error, attempt) : undefined;
        if (waitMs === undefined) throw error;
        await pause(waitMs, req.signal);
        if (req.signal.aborted) throw error;
      }
    }
  };
}

function waitOf(error: unknown, attempt: number): number | undefined {
  if (!mayMend(error)) return undefined;
  const afterMs = retryAfterOf(error) ?? 0;
  // What is added spreads out those who were all told the same time.
  return afterMs > mostRetryAfterMs ? undefined : afterMs + backoffMs(backoff, attempt);
}
