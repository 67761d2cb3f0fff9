/** The exit codes of the command line; `slipway help exit-codes` and docs/cli.md list them. */
export const exitCodes = {
  ok: 0,
  general: 1,
  usage: 2,
  unauthenticated: 3,
  denied: 4,
  missing: 5,
  conflict: 6,
  precondition: 7,
  exhausted: 8,
  unavailable: 9,
  timeout: 10,
  invalid: 11,
  failed: 12,
  interrupted: 130,
} as const;

/** The name of an exit code. */
export type Exit = keyof typeof exitCodes;

/** What a user sees of a failure: what went wrong, and what to do next. */
export class Failure extends Error {
  override readonly name = "Failure";

  constructor(
    readonly exit: Exit,
    message: string,
    /** What to do next, a line each. */
    readonly hints: readonly string[] = [],
  ) {
    super(message);
  }
}
