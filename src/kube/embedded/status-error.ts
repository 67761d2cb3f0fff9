import type { ResourceName } from "./types.js";

/** One fault of a request, as `details.causes` of a Status. */
export interface StatusCause {
  readonly reason?: string;
  readonly message: string;
  readonly field?: string;
}

/** What a Status says about the object it is about. */
export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

/** The body of every refusal, and of a successful deletion. */
export interface StatusBody {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: Record<string, never>;
  readonly status: "Success" | "Failure";
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code: number;
}

/** A refusal that the caller sees as a Status; everything else that is thrown answers 500. */
export class StatusError extends Error {
  override readonly name = "StatusError";

  constructor(
    readonly code: number,
    readonly reason: string,
    message: string,
    readonly details?: StatusDetails,
  ) {
    super(message);
  }

  /** The Status object that goes over the wire. */
  body(): StatusBody {
    return {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: this.message,
      reason: this.reason,
      ...(this.details ? { details: this.details } : {}),
      code: this.code,
    };
  }
}

function about(resource: ResourceName, name: string): StatusDetails {
  return { name, ...(resource.group ? { group: resource.group } : {}), kind: resource.resource };
}

function titled(resource: ResourceName): string {
  return resource.group ? `${resource.resource}.${resource.group}` : resource.resource;
}

/** 404: no such object. */
export function notFound(resource: ResourceName, name: string): StatusError {
  return new StatusError(404, "NotFound", `${titled(resource)} "${name}" not found`, about(resource, name));
}

/** 404: no such path. */
export function noSuchPath(): StatusError {
  return new StatusError(404, "NotFound", "the server could not find the requested resource");
}

/** 409: the name is taken. */
export function alreadyExists(resource: ResourceName, name: string): StatusError {
  return new StatusError(409, "AlreadyExists", `${titled(resource)} "${name}" already exists`, about(resource, name));
}

/** 409: the object is not what the caller believes it to be. */
export function conflict(resource: ResourceName, name: string, why: string): StatusError {
  const message = `Operation cannot be fulfilled on ${titled(resource)} "${name}": ${why}`;
  return new StatusError(409, "Conflict", message, about(resource, name));
}

/** 403: understood, but refused. */
export function forbidden(resource: ResourceName, name: string, why: string): StatusError {
  const subject = name ? `${titled(resource)} "${name}"` : titled(resource);
  return new StatusError(403, "Forbidden", `${subject} is forbidden: ${why}`, about(resource, name));
}

/** 422: fields that break a rule; `kind` is the object's kind, such as "Shoot". */
export function invalid(group: string, kind: string, name: string, causes: readonly StatusCause[]): StatusError {
  const faults = causes.map((cause) => (cause.field ? `${cause.field}: ${cause.message}` : cause.message));
  const list = faults.length === 1 ? faults[0] : `[${faults.join(", ")}]`;
  const subject = group ? `${kind}.${group}` : kind;
  return new StatusError(422, "Invalid", `${subject} "${name}" is invalid: ${list}`, {
    name,
    ...(group ? { group } : {}),
    kind,
    causes,
  });
}

/** 400: the request cannot be understood. */
export function badRequest(message: string): StatusError {
  return new StatusError(400, "BadRequest", message);
}

/** 405: the path exists, but not with this method. */
export function methodNotAllowed(): StatusError {
  return new StatusError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");
}

/** 415: the body is in a format that this server does not read. */
export function unsupportedMediaType(accepted: readonly string[]): StatusError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`;
  return new StatusError(415, "UnsupportedMediaType", message);
}

/** 410: the history that the caller asks for is gone; it must list again. */
export function expired(message: string): StatusError {
  return new StatusError(410, "Expired", message);
}
