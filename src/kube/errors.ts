import { isRecord } from "../record.js";

/** How a call to an API server failed. */
export type KubeErrorKind =
  | "status" // the server answered with an error status
  | "unreachable" // no connection, or it broke before the answer was complete
  | "timeout" // the deadline passed
  | "malformed"; // the answer is not what a Kubernetes API server says

/** One cause inside a Status: the field it is about and what is wrong with it. */
export interface KubeErrorCause {
  readonly field: string | undefined;
  readonly reason: string | undefined;
  readonly message: string | undefined;
}

export interface KubeErrorOptions extends ErrorOptions {
  readonly code?: number;
  readonly reason?: string;
  readonly details?: readonly KubeErrorCause[];
  readonly retryAfterMs?: number | undefined;
}

/** A failed call to a Kubernetes API server; never carries a request body or a credential. */
export class KubeError extends Error {
  override readonly name = "KubeError";
  /** The HTTP status, 0 where there was no answer. */
  readonly code: number;
  /** The server's machine-readable reason, such as "NotFound"; "" where it gave none. */
  readonly reason: string;
  readonly details: readonly KubeErrorCause[];
  /** How long the server asked to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(
    readonly kind: KubeErrorKind,
    message: string,
    options: KubeErrorOptions = {},
  ) {
    super(message, options);
    this.code = options.code ?? 0;
    this.reason = options.reason ?? "";
    this.details = options.details ?? [];
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The error for an HTTP answer with an error status; `body` is the raw text, usually a Status object. */
export function statusError(code: number, body: string, retryAfterMs?: number): KubeError {
  const status = parseStatus(body);
  const message = typeof status?.message === "string" && status.message !== "" ? status.message : `HTTP ${code}`;
  return new KubeError("status", message, {
    code,
    reason: typeof status?.reason === "string" ? status.reason : "",
    details: causesOf(status?.details),
    retryAfterMs: retryAfterMs ?? retryAfterOf(status?.details),
  });
}

/** The error that an ERROR event of a watch carries in its Status object. */
export function watchError(status: unknown): KubeError {
  const code = isRecord(status) && typeof status.code === "number" ? status.code : 500;
  return statusError(code, JSON.stringify(status ?? {}));
}

/** True when the object, or what it lives in, does not exist. */
export const notFound = (error: unknown): boolean => isStatus(error, 404);

/** True for a stale resourceVersion, a wrong uid or an existing object. */
export const conflict = (error: unknown): boolean => isStatus(error, 409);

/** True when a create met an object of that name. */
export const alreadyExists = (error: unknown): boolean =>
  isStatus(error, 409) && (error as KubeError).reason === "AlreadyExists";

/** True when the server understood the request and refuses its content. */
export const unprocessable = (error: unknown): boolean => isStatus(error, 422);

/** True when a resourceVersion or a continue token is too old. */
export const expired = (error: unknown): boolean => isStatus(error, 410);

/** True when the service account lacks a right, or an admission rule forbids the request. */
export const forbidden = (error: unknown): boolean => isStatus(error, 403);

/** True when the server does not know who is calling: the credentials are wrong or out of date. */
export const unauthenticated = (error: unknown): boolean => isStatus(error, 401);

/** True when one side does not accept the other's certificate, or TLS fails otherwise. */
export function untrusted(error: unknown): boolean {
  if (!(error instanceof KubeError) || error.kind !== "unreachable") return false;
  const code = isRecord(error.cause) ? error.cause.code : undefined;
  return (
    typeof code === "string" && /^(ERR_SSL_|ERR_TLS_|EPROTO$|CERT_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_)/.test(code)
  );
}

/** True when the same call may succeed later: no answer, too late, overloaded, or a fault of the server. */
export function transient(error: unknown): boolean {
  if (!(error instanceof KubeError)) return false;
  return error.kind !== "status" || error.code === 429 || error.code >= 500;
}

function isStatus(error: unknown, code: number): boolean {
  return error instanceof KubeError && error.kind === "status" && error.code === code;
}

function parseStatus(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return isRecord(value) && (value.kind === "Status" || "message" in value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function causesOf(details: unknown): KubeErrorCause[] {
  const causes = isRecord(details) ? details.causes : undefined;
  if (!Array.isArray(causes)) return [];
  const text = (value: unknown) => (typeof value === "string" ? value : undefined);
  return causes
    .filter(isRecord)
    .slice(0, 100)
    .map((cause) => ({
      field: text(cause.field),
      reason: text(cause.reason),
      message: text(cause.message),
    }));
}

function retryAfterOf(details: unknown): number | undefined {
  const seconds = isRecord(details) ? details.retryAfterSeconds : undefined;
  return typeof seconds === "number" && seconds > 0 ? seconds * 1000 : undefined;
}
