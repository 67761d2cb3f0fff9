// What every program of these folders does: it is told by its first argument, says when it is ready, and ends.
import { mkdirSync, writeFileSync, writeSync } from "node:fs";
import { Session } from "node:inspector";
import { dirname } from "node:path";
import { inspect } from "node:util";

// Standard error is for the log, which nobody reads; standard output leads to the bench's standard error.
process.on("uncaughtExceptionMonitor", (error) => writeSync(1, `${inspect(error)}\n`));

/** What the bench gave the program. */
export function given<T>(): T {
  return JSON.parse(process.argv[2] ?? "{}") as T;
}

/** Tells the bench; ends with it, or when told. From here on it is profiled, where that is asked for. */
export function ready(value: unknown): void {
  profileTo(process.env.BENCH_PROFILE);
  process.on("disconnect", () => process.exit(0));
  process.on("SIGTERM", () => process.exit(0));
  process.send?.(value);
}

/** Leaves a CPU profile of all that follows when the process ends. */
function profileTo(file: string | undefined): void {
  if (file === undefined) return;
  const session = new Session();
  session.connect();
  session.post("Profiler.enable");
  session.post("Profiler.start");
  process.once("exit", () => {
    session.post("Profiler.stop", (_, { profile }) => {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, JSON.stringify(profile));
    });
  });
}

/** Answers each message of the bench. */
export function answer<Question, Answer>(work: (question: Question) => Promise<Answer>): void {
  process.on("message", async (question: Question) => {
    process.send?.(await work(question));
  });
}
