import { DrizzleQueryError } from "drizzle-orm";
import pg from "pg";
import { DomainError } from "../errors.js";

/** The fields of an error of pg that say what happened, without the values of the query. */
interface SqlError extends Error {
  readonly code: string;
  readonly constraint?: string;
}

/** The SQLSTATE of a failed query ("23505"), or the system's error code of a failed connection ("ECONNREFUSED"). */
export function sqlStateOf(error: unknown): string | undefined {
  return sqlErrorOf(error)?.code;
}

/** The constraint that a write broke; undefined if the error is another one. */
export function constraintOf(error: unknown): string | undefined {
  return sqlErrorOf(error)?.constraint;
}

/**
 * The error for the caller, when the database's refusal has a meaning that holds
 * for every table; undefined for a defect. Stores that can say more use `constraintOf` first.
 */
export function databaseError(error: unknown): DomainError | undefined {
  if (error instanceof DomainError) return error;
  // A query that was never sent: the pool has refused it.
  if (error instanceof DrizzleQueryError && error.cause instanceof DomainError) return error.cause;
  const code = sqlStateOf(error);
  const cause = { cause: withoutValues(error) };
  if (code === "23505") return new DomainError("exists", "an object with this name exists already", cause);
  if (code === "23503") return new DomainError("precondition", "another object is missing or still in use", cause);
  if (code === "40001" || code === "40P01") return new DomainError("conflict", "somebody else changed it too", cause);
  if (code === "57014") return new DomainError("timeout", "the database took too long", cause);
  if (isUnavailable(error, code)) {
    return new DomainError("unavailable", "a service behind this one is not available; try again later", {
      ...cause,
      retryAfterMs: 1_000,
    });
  }
  return undefined;
}

/** The error as it may be logged: drizzle's and pg's own carry the values of the query. */
export function withoutValues(error: unknown): unknown {
  const query = error instanceof DrizzleQueryError ? error.query : undefined;
  if (query === undefined && ![...chain(error)].some((link) => link instanceof pg.DatabaseError)) return error;
  const source = sqlErrorOf(error);
  const reason = source?.message ?? (error instanceof Error && error.cause instanceof Error ? error.cause.message : "");
  const clean = new Error(`query failed: ${reason}`);
  if (error instanceof Error && error.stack !== undefined) {
    clean.stack = [`Error: ${clean.message}`, ...error.stack.split("\n").filter((line) => /^\s+at /.test(line))].join(
      "\n",
    );
  }
  return Object.assign(clean, { code: source?.code, constraint: source?.constraint, query });
}

const UNAVAILABLE_CLASSES = new Set(["08", "53", "57", "55"]);
const SYSTEM_ERRORS = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "ENOTFOUND", "EHOSTUNREACH"]);
/** What pg and the embedded database say, without a code, of connections that are full, slow or lost. */
const CONNECTION_MESSAGES = [
  "timeout exceeded when trying to connect",
  "Query read timeout",
  "Connection terminated",
  "connection error and is not queryable",
  "the embedded database is",
];

function isUnavailable(error: unknown, code: string | undefined): boolean {
  if (code !== undefined) return SYSTEM_ERRORS.has(code) || UNAVAILABLE_CLASSES.has(code.slice(0, 2));
  for (const link of chain(error)) {
    if (CONNECTION_MESSAGES.some((message) => link.message.includes(message))) return true;
  }
  return false;
}

function sqlErrorOf(error: unknown): SqlError | undefined {
  for (const link of chain(error)) {
    if ("code" in link && typeof link.code === "string") return link as SqlError;
  }
  return undefined;
}

function* chain(error: unknown): Generator<Error> {
  let link = error;
  for (let depth = 0; link instanceof Error && depth < 5; depth += 1) {
    yield link;
    link = link.cause;
  }
}
