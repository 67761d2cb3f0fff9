import { ValidationError, violationsToProto } from "@bufbuild/protovalidate";
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { databaseError } from "../db/errors.js";
import type { DomainError, ErrorKind } from "../errors.js";
import { badRequest, type ErrorDetail, retryInfo } from "./error-details.js";
import { retryAfterHeader } from "./retry-after.js";
import { observe } from "./streams.js";

const codes: Record<ErrorKind, Code> = {
  invalid: Code.InvalidArgument,
  unauthenticated: Code.Unauthenticated,
  denied: Code.PermissionDenied,
  missing: Code.NotFound,
  exists: Code.AlreadyExists,
  conflict: Code.Aborted,
  precondition: Code.FailedPrecondition,
  exhausted: Code.ResourceExhausted,
  unimplemented: Code.Unimplemented,
  unavailable: Code.Unavailable,
  timeout: Code.DeadlineExceeded,
};

/** Gives every error that leaves a call its code and details. */
export const mapErrors: Interceptor = (next) => async (req) => {
  try {
    const res = await next(req);
    if (!res.stream) return res;
    const mapError = (error: unknown) => toConnectError(error, req.signal);
    return { ...res, message: observe(res.message, { onEnd: () => {}, mapError }) };
  } catch (error) {
    throw toConnectError(error, req.signal);
  }
};

/**
 * What a caller may see of an error. Defects, which are errors that nobody
 * meant for a caller, become "internal error" without their words.
 */
export function toConnectError(error: unknown, signal: AbortSignal): ConnectError {
  return inWholeCharacters(error instanceof ConnectError ? error : mapped(error, signal));
}

/** Half of a surrogate pair, as a text that was cut may end with, cannot be sent: instead of its error nothing would be. */
function inWholeCharacters(error: ConnectError): ConnectError {
  const { rawMessage, code, metadata, details, cause } = error;
  if (!/\p{Surrogate}/u.test(rawMessage)) return error;
  const told = rawMessage.replaceAll(/\p{Surrogate}/gu, "\ufffd");
  const result = new ConnectError(told, code, metadata, undefined, cause);
  result.details = details;
  return result;
}

function mapped(error: unknown, signal: AbortSignal): ConnectError {
  const known = databaseError(error);
  if (known !== undefined) {
    return new ConnectError(known.message, codes[known.kind], headersOf(known), detailsOf(known), known);
  }
  if (isAbort(error)) {
    return signal.reason instanceof ConnectError
      ? signal.reason
      : new ConnectError("the call was canceled", Code.Canceled);
  }
  if (isTimeout(error)) return new ConnectError("the deadline passed before the work was done", Code.DeadlineExceeded);
  return new ConnectError("internal error", Code.Internal, undefined, undefined, error);
}

/** The name of the code that an error has for its caller, as in "permission_denied". */
export function codeNameOf(error: unknown): string {
  return codeToString(toConnectError(error, neverAborted).code);
}

const neverAborted = new AbortController().signal;

/** Whether an error is nobody's answer to a caller, and so has to be looked at. */
export function isDefect(error: unknown): boolean {
  return !(error instanceof ConnectError || isAbort(error) || isTimeout(error) || databaseError(error) !== undefined);
}

/** What those read who know HTTP but not the details; gRPC sends it as a trailer. */
function headersOf({ retryAfterMs }: DomainError): Record<string, string> | undefined {
  return retryAfterMs === undefined ? undefined : retryAfterHeader(retryAfterMs);
}

function detailsOf(error: DomainError): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  if (error.violations.length > 0) details.push(badRequest(error.violations));
  if (error.cause instanceof ValidationError) {
    const [value, desc] = violationsToProto(error.cause.violations);
    details.push({ desc, value });
  }
  if (error.retryAfterMs !== undefined) details.push(retryInfo(error.retryAfterMs));
  return details;
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === "TimeoutError";
}
