/** What went wrong, in words that every transport can translate to a status code. */
export type ErrorKind =
  | "invalid" // INVALID_ARGUMENT: the request itself is wrong
  | "unauthenticated" // UNAUTHENTICATED: no token, or one that does not hold
  | "denied" // PERMISSION_DENIED: a known caller without the right
  | "missing" // NOT_FOUND: no such object in the caller's scope
  | "exists" // ALREADY_EXISTS: the name is taken
  | "conflict" // ABORTED: somebody else changed the object meanwhile
  | "precondition" // FAILED_PRECONDITION: the state of the object forbids it
  | "exhausted" // RESOURCE_EXHAUSTED: a quota, a queue or a rate is full
  | "unimplemented" // UNIMPLEMENTED: this server does not offer it
  | "unavailable" // UNAVAILABLE: try again later, at this or another replica
  | "timeout"; // DEADLINE_EXCEEDED: a deadline passed before the work was done

/** One wrong field of a request: its path in proto names, and what to change. */
export interface FieldViolation {
  readonly field: string;
  readonly message: string;
}

export interface DomainErrorOptions extends ErrorOptions {
  /** The fields that are wrong; only with kind "invalid". */
  readonly violations?: readonly FieldViolation[];
  /** When to try again, in milliseconds; with kinds "exhausted" and "unavailable". */
  readonly retryAfterMs?: number;
}

/**
 * An error that the caller may see. Anything else that is thrown is a defect:
 * it is logged once and reaches the caller as "internal error".
 */
export class DomainError extends Error {
  override readonly name = "DomainError";
  readonly violations: readonly FieldViolation[];
  readonly retryAfterMs: number | undefined;

  constructor(
    readonly kind: ErrorKind,
    message: string,
    options: DomainErrorOptions = {},
  ) {
    super(message, options);
    this.violations = options.violations ?? [];
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** A request that is wrong in one field. */
export function invalidField(field: string, message: string): DomainError {
  return new DomainError("invalid", `${field}: ${message}`, { violations: [{ field, message }] });
}
