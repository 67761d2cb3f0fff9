import type { GlobalFlags } from "../flags.js";
import { printable } from "../table.js";
import type { Step } from "./follow.js";

/** Shows the steps of an operation on stderr. */
export interface Progress {
  step(step: Step): void;
  close(): void;
}

/** A bar at a terminal, else a line for each change; nothing with --quiet. */
export async function openProgress(flags: GlobalFlags, title: string): Promise<Progress> {
  if (flags.quiet === true) return { step: () => undefined, close: () => undefined };
  return process.stderr.isTTY ? await bar(title) : lines();
}

async function bar(title: string): Promise<Progress> {
  const { default: progress } = await import("cli-progress");
  const single = new progress.SingleBar({
    stream: process.stderr,
    format: `${title} {bar} {percentage}% {state} {message}`,
    barsize: 24,
    barCompleteChar: "=",
    barIncompleteChar: "-",
    hideCursor: true,
    linewrap: false,
    gracefulExit: false,
    fps: 5,
  });
  single.start(100, 0, { state: "", message: "" });
  return {
    step: ({ percent, state, message }) => single.update(percent, { state, message: printable(message) }),
    close: () => single.stop(),
  };
}

function lines(): Progress {
  let last = "";
  return {
    step({ state, percent, message }) {
      const line = `${state} ${percent}% ${printable(message)}`.trimEnd();
      if (line !== last) process.stderr.write(`${new Date().toISOString()} ${line}\n`);
      last = line;
    },
    close: () => undefined,
  };
}
