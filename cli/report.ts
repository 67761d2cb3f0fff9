import type { Command } from "commander";
import { type Exit, exitCodes, Failure } from "./failure.js";
import { flagOf } from "./fields.js";
import { nodeCodes, tlsHints, unreachableHints } from "./network-hints.js";
import { printable } from "./table.js";

/** What is known of the command that failed, so that the message can say what to do next. */
export interface Circumstances {
  readonly command?: Command;
  /** How to sign in again at the server in question. */
  readonly login?: string;
}

/** Says on stderr what went wrong and what to do next; answers the exit code. */
export async function report(error: unknown, circumstances: Circumstances = {}): Promise<number> {
  const { exit, message, hints } = await explain(error, circumstances);
  const lines = [`slipway: ${printable(message)}`, ...hints.map((hint) => `  ${printable(hint)}`)];
  process.stderr.write(lines.map((line) => `${line}\n`).join(""));
  return exitCodes[exit];
}

/** What a failure means for the user. */
export async function explain(error: unknown, circumstances: Circumstances = {}): Promise<Failure> {
  if (error instanceof Failure) return error;
  const { code } = (error ?? {}) as { code?: unknown };
  if (
    typeof code === "string" &&
    /^E[A-Z]+$/.test(code) &&
    error instanceof Error &&
    "syscall" in error &&
    "path" in error
  ) {
    return new Failure("general", error.message);
  }
  const { problemOf } = await import("../clients/ts/src/problem.js");
  const problem = problemOf(error);
  const codes = nodeCodes(error);
  const exit = exitOf[problem.code] ?? "general";
  const hints = problem.violations.map(({ field, message }) => violationLine(field, message, circumstances.command));
  if (exit === "unauthenticated") {
    hints.push(`Sign in with ${circumstances.login ?? "slipway login"}.`);
  }
  if (exit === "unavailable") hints.push(...(tlsHints(codes) ?? unreachableHints(codes)));
  if (exit === "timeout") hints.push("--timeout gives it more time, as in --timeout 2m.");
  if (problem.retryAfterMs !== undefined) {
    hints.push(`Try again in ${Math.max(1, Math.ceil(problem.retryAfterMs / 1_000))} s.`);
  }
  const isListed = problem.violations.length > 0;
  return new Failure(exit, isListed ? "the request is not valid" : problem.message || "the call failed", hints);
}

function violationLine(field: string, message: string, command: Command | undefined): string {
  const flag = command === undefined ? undefined : flagOf(command, field);
  return flag === undefined ? `${field}: ${message}` : `${flag} (${field}): ${message}`;
}

/** By the numbers of google.rpc.Code. */
const exitOf: Readonly<Record<number, Exit>> = {
  1: "interrupted",
  3: "invalid",
  4: "timeout",
  5: "missing",
  6: "conflict",
  7: "denied",
  8: "exhausted",
  9: "precondition",
  10: "conflict",
  11: "invalid",
  14: "unavailable",
  16: "unauthenticated",
};
