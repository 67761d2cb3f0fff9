import { Code, ConnectError } from "@connectrpc/connect";
import { detailsOf, fieldsOf, messagesOf, numberOf, textOf } from "./details.js";
import { networkReason } from "./network-reason.js";
import { redact } from "./redact.js";

/** A field of a request that is wrong: its path in proto names, and what to change. */
export interface Violation {
  readonly field: string;
  readonly message: string;
}

/** What went wrong with a call, in a form that can be shown. */
export interface Problem {
  readonly code: Code;
  /** In plain English; without tokens. */
  readonly message: string;
  /** The wrong fields of an INVALID_ARGUMENT; empty for other codes. */
  readonly violations: readonly Violation[];
  /** When the server says that the call may be made again. */
  readonly retryAfterMs?: number;
}

/** Tells what went wrong, from whatever a call threw. */
export function problemOf(error: unknown): Problem {
  const reason = networkReason(error);
  if (!(error instanceof ConnectError)) {
    return { code: codeOf(error, reason), message: redact(reason ?? textOfError(error)), violations: [] };
  }
  const retryAfterMs = retryAfterOf(error);
  return {
    code: error.code,
    message: redact(error.rawMessage),
    violations: violationsOf(error),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** When an error says that the call may be made again: by its google.rpc.RetryInfo, or by its header. */
export function retryAfterOf(error: ConnectError): number | undefined {
  const [info] = detailsOf(error, "google.rpc.RetryInfo");
  if (info !== undefined) {
    const [delay] = messagesOf(fieldsOf(info), 1);
    return numberOf(delay, 1) * 1000 + numberOf(delay, 2) / 1_000_000;
  }
  const seconds = Number.parseInt(error.metadata.get("retry-after") ?? "", 10);
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds * 1000);
}

/** By google.rpc.BadRequest, or else by buf.validate.Violations: who has the one needs not the other. */
function violationsOf(error: ConnectError): Violation[] {
  const badRequests = detailsOf(error, "google.rpc.BadRequest").flatMap((bytes) => messagesOf(fieldsOf(bytes), 1));
  if (badRequests.length > 0) {
    return badRequests.map((fields) => ({ field: textOf(fields, 1), message: redact(textOf(fields, 2)) }));
  }
  const broken = detailsOf(error, "buf.validate.Violations").flatMap((bytes) => messagesOf(fieldsOf(bytes), 1));
  return broken.map((fields) => ({ field: pathOf(messagesOf(fields, 5)[0]), message: redact(textOf(fields, 3)) }));
}

/** A buf.validate.FieldPath as text, such as `workers[0].name`. */
function pathOf(path: ReturnType<typeof fieldsOf>): string {
  const names = messagesOf(path, 1).map((element) => {
    const key = textOf(element, 10);
    const [index] = element?.get(6) ?? [];
    const subscript = typeof index === "number" ? `[${index}]` : key === "" ? "" : `[${JSON.stringify(key)}]`;
    return `${textOf(element, 2)}${subscript}`;
  });
  return names.join(".");
}

function codeOf(error: unknown, reason: string | undefined): Code {
  if (error instanceof Error && error.name === "AbortError") return Code.Canceled;
  if (error instanceof Error && error.name === "TimeoutError") return Code.DeadlineExceeded;
  return reason === undefined ? Code.Unknown : Code.Unavailable;
}

function textOfError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
