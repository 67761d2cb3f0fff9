import type { DescMessage, JsonValue, Message } from "@bufbuild/protobuf";
import type { Interceptor } from "@connectrpc/connect";
import type { Logger } from "pino";
import { callerKey } from "../caller.js";
import { type Call, callOf, type Origin, shortened } from "./call.js";
import { toConnectError } from "./map-errors.js";
import type { MethodPolicy } from "./method-options.js";
import type { RpcMetrics } from "./metrics.js";
import { redactedJson } from "./redact.js";
import { observe } from "./streams.js";

/**
 * One record of who did what. A call that ran has two: the request when its
 * handler begins (a stream: opened), the response when it ends (closed). A
 * call that was refused has only the second.
 */
export interface AuditEntry {
  readonly id: string;
  readonly at: Date;
  readonly phase: "request" | "response";
  /** "/api.v1.ClusterService/Create". */
  readonly method: string;
  readonly user: string | undefined;
  readonly tenant: string | undefined;
  readonly project: string | undefined;
  readonly sourceIp: string;
  readonly userAgent: string;
  readonly requestId: string;
  /** The number of the gRPC status, 0 for success; only in the response phase. */
  readonly code: number | undefined;
  /**
   * The request in the request phase and in a refusal, as far as it could be
   * decoded; the answer of a successful unary call in its response phase. Redacted and bounded.
   */
  readonly body: JsonValue | undefined;
}

/** Where records go. Fails, late or at once, without consequence for the call; must bound its own queue and time. */
export type WriteAudit = (entry: AuditEntry) => void | Promise<void>;

export interface AuditOptions {
  readonly write: WriteAudit;
  readonly log: Logger;
  readonly metrics: RpcMetrics;
  readonly clock: () => Date;
  readonly newId: () => string;
}

/** The three places where a call is recorded. */
export interface Audit {
  /** Outside of every check: records how the call ended, refusals too. */
  readonly outcome: Interceptor;
  /** Inside of every check: records that the call begins. */
  readonly request: Interceptor;
  /** Records a call that ended before it could be decoded. */
  refused(policy: MethodPolicy, origin: Origin, code: number): void;
}

/** Makes the recorders of one server; methods whose options exclude auditing are left out. */
export function createAudit(options: AuditOptions): Audit {
  const record = recorder(options);
  const outcome: Interceptor = (next) => async (req) => {
    const call = callOf(req);
    if (!call.policy.audited) return next(req);
    const user = () => req.contextValues.get(callerKey)?.user;
    const close = (error: unknown) => {
      if (!call.recorded) return;
      const code = error === undefined ? 0 : toConnectError(error, req.signal).code;
      record(call, {
        phase: "response",
        user: user(),
        code,
        body: call.accepted ? undefined : requestBody(call, req.method.input),
      });
    };
    try {
      const res = await next(req);
      if (res.stream) return { ...res, message: observe(res.message, { onEnd: close }) };
      record(call, {
        phase: "response",
        user: user(),
        code: 0,
        body: () => redactedJson(req.method.output, res.message),
      });
      return res;
    } catch (error) {
      close(error);
      throw error;
    }
  };
  const request: Interceptor = (next) => (req) => {
    const call = callOf(req);
    call.accepted = true;
    if (call.policy.audited) {
      const user = req.contextValues.get(callerKey)?.user;
      record(call, { phase: "request", user, code: undefined, body: requestBody(call, req.method.input) });
    }
    return next(req);
  };
  const refused: Audit["refused"] = (policy, origin, code) => {
    if (policy.audited)
      record({ ...origin, policy, subject: {} }, { phase: "response", user: undefined, code, body: undefined });
  };
  return { outcome, request, refused };
}

type Recorded = Pick<Call, "policy" | "trace" | "peer" | "subject">;

interface Moment extends Pick<AuditEntry, "phase" | "user" | "code"> {
  readonly body: (() => JsonValue) | undefined;
}

function recorder(options: AuditOptions): (call: Recorded, moment: Moment) => void {
  const lost = (error: unknown, call: Recorded) => {
    options.metrics.auditFailed();
    const { traceId: trace, requestId: request } = call.trace;
    options.log.error({ rpc: call.policy.path, err: error, trace, request }, "audit record lost");
  };
  return (call, moment) => {
    try {
      const written = options.write({
        id: options.newId(),
        at: options.clock(),
        phase: moment.phase,
        method: call.policy.path,
        user: moment.user,
        tenant: shortened(call.subject.tenant),
        project: shortened(call.subject.project),
        sourceIp: call.peer.address,
        userAgent: call.peer.userAgent,
        requestId: call.trace.requestId,
        code: moment.code,
        body: moment.body?.(),
      });
      written?.catch((error: unknown) => lost(error, call));
    } catch (error) {
      lost(error, call);
    }
  };
}

function requestBody(call: Call, desc: DescMessage): (() => JsonValue) | undefined {
  const message: Message | undefined = call.request;
  return message === undefined ? undefined : () => redactedJson(desc, message);
}
