// What every program of these folders does: it is told by its first argument, says when it is ready, and ends.
import { writeSync } from "node:fs";
import { inspect } from "node:util";

// Standard error is for the log, which nobody reads; standard output leads to the bench's standard error.
process.on("uncaughtExceptionMonitor", (error) => writeSync(1, `${inspect(error)}\n`));

/** What the bench gave the program. */
export function given<T>(): T {
  return JSON.parse(process.argv[2] ?? "{}") as T;
}

/** Tells the bench; ends with it, or when told, in the way that leaves a CPU profile. */
export function ready(value: unknown): void {
  process.on("disconnect", () => process.exit(0));
  process.on("SIGTERM", () => process.exit(0));
  process.send?.(value);
}

/** Answers each message of the bench. */
export function answer<Question, Answer>(work: (question: Question) => Promise<Answer>): void {
  process.on("message", async (question: Question) => {
    process.send?.(await work(question));
  });
}
