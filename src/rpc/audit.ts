import type { DescMessage, JsonValue, Message } from "@bufbuild/protobuf";
import { createContextKey, type Interceptor } from "@connectrpc/connect";
import type { Logger } from "pino";
import { callerKey } from "../caller.js";
import { DomainError } from "../errors.js";
import { type Call, callOf, type Origin, shortened } from "./call.js";
import { toConnectError } from "./map-errors.js";
import type { MethodPolicy } from "./method-options.js";
import type { RpcMetrics } from "./metrics.js";
import { type RedactLimits, redactedJson } from "./redact.js";
import { observe } from "./streams.js";

/**
 * One record of who did what. A call that ran has two: the request when its
 * handler begins (a stream: opened), the response when it ends (closed). A
 * call that was refused has only the second.
 */
export interface AuditEntry {
  /** The call's uuid, in both of its records. */
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

/**
 * Where records go. Settles once the record is durable or lost, and bounds what
 * waits. A call waits for its own (`ahead`) and does not run when that is lost;
 * the loss of any other has no consequence for the call.
 */
export type WriteAudit = (entry: AuditEntry, options: { readonly ahead: boolean }) => void | Promise<void>;

export interface AuditOptions {
  readonly write: WriteAudit;
  readonly log: Logger;
  readonly metrics: RpcMetrics;
  readonly clock: () => Date;
  readonly newId: () => string;
  /** How long a call waits for its record, in ms, unless its own deadline comes first. */
  readonly timeoutMs: number;
}

type AnyFn = ReturnType<Interceptor>;
type AnyRequest = Parameters<AnyFn>[0];

/** Names the call in its records. */
const auditIdKey = createContextKey("", { description: "uuid of the call in the audit log" });

/** The three places where a call is recorded. */
export interface Audit {
  /** Outside of every check: records how the call ended, refusals too. */
  readonly outcome: Interceptor;
  /** Inside of every check: records that the call begins. One that has to be recorded ahead waits for that, or does not run. */
  readonly request: Interceptor;
  /** Records a call that ended before it could be decoded. */
  refused(policy: MethodPolicy, origin: Origin, code: number): void;
}

/** Makes the recorders of one server; methods whose options exclude auditing are left out. */
export function createAudit(options: AuditOptions): Audit {
  const recorder = createRecorder(options);
  return {
    outcome: recordOutcome(options, recorder),
    request: recordRequest(options, recorder),
    refused(policy, origin, code) {
      if (!policy.audited) return;
      const moment = { id: options.newId(), phase: "response", user: undefined, code, body: undefined } as const;
      recorder.record({ ...origin, policy, subject: {} }, moment);
    },
  };
}

function recordOutcome({ newId }: AuditOptions, { record }: Recorder): Interceptor {
  const recorded = async (next: AnyFn, req: AnyRequest, call: Call): ReturnType<AnyFn> => {
    const id = newId();
    req.contextValues.set(auditIdKey, id);
    const user = () => req.contextValues.get(callerKey)?.user;
    const close = (error: unknown) => {
      if (!call.recorded) return;
      const code = error === undefined ? 0 : toConnectError(error, req.signal).code;
      const body = call.accepted ? undefined : requestBody(call, req.method.input, user());
      record(call, { id, phase: "response", user: user(), code, body });
    };
    try {
      const res = await next(req);
      if (res.stream) return { ...res, message: observe(res.message, { onEnd: close }) };
      const body = () => redactedJson(req.method.output, res.message, limitsOf(user()));
      record(call, { id, phase: "response", user: user(), code: 0, body });
      return res;
    } catch (error) {
      close(error);
      throw error;
    }
  };
  return (next) => (req) => {
    const call = callOf(req);
    return call.policy.audited ? recorded(next, req, call) : next(req);
  };
}

function recordRequest({ timeoutMs }: AuditOptions, recorder: Recorder): Interceptor {
  const recorded = async (next: AnyFn, req: AnyRequest, call: Call): ReturnType<AnyFn> => {
    const { contextValues: values } = req;
    const user = values.get(callerKey)?.user;
    const body = requestBody(call, req.method.input, user);
    const moment = { id: values.get(auditIdKey), phase: "request", user, code: undefined, body } as const;
    if (call.policy.auditedAhead) await inTime(recorder.recordAhead(call, moment), timeoutMs, req.signal);
    else recorder.record(call, moment);
    call.accepted = true;
    return next(req);
  };
  return (next) => (req) => {
    const call = callOf(req);
    if (call.policy.audited) return recorded(next, req, call);
    call.accepted = true;
    return next(req);
  };
}

/** Waits for a record; throws DomainError "unavailable" when it takes too long, and an AbortError when the signal fires. */
function inTime(written: Promise<void>, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new DOMException("the caller does not wait any more", "AbortError"));
    const timer = setTimeout(() => reject(cannotBeAudited()), ms);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    written.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    });
  });
}

function cannotBeAudited(cause?: unknown): DomainError {
  return new DomainError("unavailable", "the call cannot be audited now; try again", { cause, retryAfterMs: 1_000 });
}

type Recorded = Pick<Call, "policy" | "trace" | "peer" | "subject">;

interface Moment extends Pick<AuditEntry, "id" | "phase" | "user" | "code"> {
  readonly body: (() => JsonValue) | undefined;
}

interface Recorder {
  /** Writes a record that nobody waits for. */
  record(call: Recorded, moment: Moment): void;
  /** Writes a record; rejects with DomainError "unavailable" when it is lost. */
  recordAhead(call: Recorded, moment: Moment): Promise<void>;
}

function createRecorder({ write, log, metrics, clock }: AuditOptions): Recorder {
  const lost = (error: unknown, call: Recorded) => {
    metrics.auditFailed();
    const { traceId: trace, requestId: request } = call.trace;
    log.error({ rpc: call.policy.path, err: error, trace, request }, "audit record lost");
  };
  const written = async (call: Recorded, { body, ...moment }: Moment, ahead: boolean) => {
    const entry = {
      ...moment,
      at: clock(),
      method: call.policy.path,
      tenant: shortened(call.subject.tenant),
      project: shortened(call.subject.project),
      sourceIp: call.peer.address,
      userAgent: call.peer.userAgent,
      requestId: call.trace.requestId,
      body: body?.(),
    };
    await write(entry, { ahead });
  };
  return {
    record(call, moment) {
      written(call, moment, false).catch((error: unknown) => lost(error, call));
    },
    async recordAhead(call, moment) {
      try {
        await written(call, moment, true);
      } catch (error) {
        lost(error, call);
        throw cannotBeAudited(error);
      }
    },
  };
}

function requestBody(call: Call, desc: DescMessage, user: string | undefined): (() => JsonValue) | undefined {
  const message: Message | undefined = call.request;
  return message === undefined ? undefined : () => redactedJson(desc, message, limitsOf(user));
}

/** Nobody without a name fills the records with what it sends or asks for. */
const strangerLimits: Partial<RedactLimits> = { maxChars: 1_024 };

function limitsOf(user: string | undefined): Partial<RedactLimits> {
  return user === undefined ? strangerLimits : {};
}
