import { Failure } from "../failure.js";
import type { Session } from "../session.js";
import { printable } from "../table.js";
import { openProgress } from "./show.js";

/** Where an operation is. */
export interface Step {
  /** In the words of the API, as in "Create/Processing". */
  readonly state: string;
  readonly percent: number;
  readonly message: string;
  /** Set in the last step. */
  readonly end?: "succeeded" | "failed";
}

/** What is followed, in words. */
export interface Followed {
  /** As in "cluster first". */
  readonly title: string;
  /** The command that shows how it goes on. */
  readonly look: string;
}

/**
 * Shows an operation until it ends. A failure ends with exit code 12, a wait that is too long with 10;
 * Ctrl-C ends with 130 and leaves the operation alone.
 */
export async function follow(
  session: Session,
  followed: Followed,
  open: (signal: AbortSignal) => AsyncIterable<Step>,
): Promise<void> {
  const ended = new AbortController();
  const show = await openProgress(session.flags, followed.title);
  const late = setTimeout(() => ended.abort("timeout"), session.waitMs);
  const interrupt = (): void => ended.abort("interrupt");
  process.once("SIGINT", interrupt);
  let last: Step | undefined;
  try {
    for await (const step of open(ended.signal)) {
      last = step;
      show.step(step);
      if (step.end !== undefined) break;
    }
  } finally {
    clearTimeout(late);
    process.off("SIGINT", interrupt);
    show.close();
  }
  if (last?.end === "succeeded") return;
  throw whyEnded(followed, last, ended.signal);
}

function whyEnded({ title, look }: Followed, last: Step | undefined, signal: AbortSignal): Failure {
  if (last?.end === "failed") {
    const why = printable(last.message);
    return new Failure("failed", `${title}: ${last.state}${why === "" ? "" : `: ${why}`}`, [`${look} tells more.`]);
  }
  const state = last === undefined ? "not known yet" : `${last.state} ${last.percent}%`;
  if (signal.reason === "timeout") {
    return new Failure("timeout", `${title} is not done in time: ${state}`, [
      `The operation goes on: look with ${look}, or wait longer with --timeout.`,
    ]);
  }
  if (signal.reason === "interrupt") {
    return new Failure("interrupted", `no longer watching ${title}: ${state}`, [
      `The operation goes on: look with ${look}.`,
    ]);
  }
  return new Failure("general", `${title}: the server ended the stream before the operation ended: ${state}`, [
    `Look with ${look}.`,
  ]);
}
