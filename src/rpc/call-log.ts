import { Code, type ConnectError, type Interceptor } from "@connectrpc/connect";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import type { Logger } from "pino";
import { callerKey } from "../caller.js";
import { DomainError } from "../errors.js";
import { callOf, shortened } from "./call.js";
import { isDefect, toConnectError } from "./map-errors.js";
import type { RpcMetrics } from "./metrics.js";
import { observe } from "./streams.js";

/** What one line of the call log says; bodies and tokens never do. */
export interface CallLine {
  readonly rpc: string;
  readonly caller: string | undefined;
  readonly tenant: string | undefined;
  readonly project: string | undefined;
  /** "ok" or the name of the error's code, as in "not_found". */
  readonly code: string;
  readonly ms: number;
  /** The words that the caller saw. */
  readonly err: string | undefined;
  readonly trace: string;
  readonly request: string;
  /** For how many successful reads the line stands, if for more than itself. */
  readonly oneIn?: number;
}

export interface CallLogOptions {
  readonly log: Logger;
  readonly metrics: RpcMetrics;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Logs successful calls at debug level: for probes, which come every second. */
  readonly quiet?: boolean;
  /** Of each method's successful reads one in so many has a line, which says so; every one unless told. */
  readonly logReadsOneIn?: number;
}

/** Writes one line and counts each call when it ends; logs a defect once, with its stack. */
export function logCalls(options: CallLogOptions): Interceptor {
  const { log, metrics, now } = options;
  const isSampled = sampleReads(options.logReadsOneIn ?? 1);
  return (next) => async (req) => {
    const call = callOf(req);
    const rpc = call.policy.path;
    const began = now();
    const end = (error: unknown) => {
      const mapped = error === undefined ? undefined : toConnectError(error, req.signal);
      const ms = now() - began;
      if (isDefect(error) && error !== undefined) {
        log.error({ rpc, err: error, trace: call.trace.traceId, request: call.trace.requestId }, "defect");
      }
      metrics.finished(rpc, req.stream, codeName(mapped), ms / 1000);
      const oneIn = mapped === undefined && call.policy.reads ? isSampled(rpc) : 1;
      if (oneIn === 0) return;
      writeCallLine(log, options.quiet === true, mapped?.code, {
        rpc,
        caller: req.contextValues.get(callerKey)?.user,
        tenant: shortened(call.subject.tenant),
        project: shortened(call.subject.project),
        code: codeName(mapped),
        ms: Math.round(ms * 10) / 10,
        err: reasonOf(mapped),
        trace: call.trace.traceId,
        request: call.trace.requestId,
        ...(oneIn === 1 ? undefined : { oneIn }),
      });
    };
    metrics.started(rpc, req.stream);
    try {
      const res = await next(req);
      if (res.stream)
        return { ...res, message: observe(res.message, { onMessage: () => metrics.sent(rpc), onEnd: end }) };
      end(undefined);
      return res;
    } catch (error) {
      end(error);
      throw error;
    }
  };
}

/** Says of each successful read for how many its line stands, or 0 for one that has none; the first one has. */
function sampleReads(oneIn: number): (rpc: string) => number {
  if (oneIn <= 1) return () => 1;
  const since = new Map<string, number>();
  return (rpc) => {
    const count = since.get(rpc) ?? 0;
    since.set(rpc, (count + 1) % oneIn);
    return count === 0 ? oneIn : 0;
  };
}

/** Writes a line at the level that its code deserves. */
export function writeCallLine(log: Logger, quiet: boolean, code: Code | undefined, line: CallLine): void {
  log[levelOf(code, quiet)](line, "call");
}

/** What the caller was told and, where the caller can do nothing about it, what lies behind. */
function reasonOf(error: ConnectError | undefined): string | undefined {
  if (error === undefined || levelOf(error.code, false) === "info") return error?.rawMessage;
  const behind = error.cause instanceof DomainError ? error.cause.cause : undefined;
  return behind instanceof Error ? `${error.rawMessage} (${behind.message})` : error.rawMessage;
}

/** "ok", or the code of an error as in "not_found". */
export function codeName(error: ConnectError | undefined): string {
  return error === undefined ? "ok" : codeToString(error.code);
}

function levelOf(code: Code | undefined, quiet: boolean): "debug" | "info" | "warn" | "error" {
  switch (code) {
    case Code.Internal:
    case Code.Unknown:
    case Code.DataLoss:
      return "error";
    case Code.Unavailable:
    case Code.DeadlineExceeded:
      return "warn";
    default:
      return quiet ? "debug" : "info";
  }
}
