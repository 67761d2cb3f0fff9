/** What is typed, or how large the terminal is by now. */
export type TerminalInput = { readonly stdin: Uint8Array } | { readonly resize: TerminalSize };

/** Size of a terminal, in characters. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** The terminal of this process, or what is piped into it. */
export interface Terminal {
  /** Undefined when it is none. */
  size(): TerminalSize | undefined;
  /** What is typed and each new size, until the input ends or the signal aborts. */
  input(signal: AbortSignal): AsyncGenerator<TerminalInput, void, undefined>;
  /** Gives the terminal back as it was. */
  close(): void;
}

/** The most that one request may carry. */
const mostBytes = 32_768;

/** Takes the terminal: each key goes to the other side, Ctrl-C as well. */
export function openTerminal(): Terminal {
  const { stdin, stdout } = process;
  const isRaw = stdin.isTTY === true;
  const restore = (): void => void (isRaw && stdin.setRawMode(false));
  if (isRaw) stdin.setRawMode(true);
  // However this ends, the terminal must be usable afterwards.
  const end = (_: NodeJS.Signals, number: number): void => process.exit(128 + number);
  process.once("exit", restore).once("SIGTERM", end).once("SIGHUP", end);
  const size = (): TerminalSize | undefined =>
    stdout.isTTY ? { columns: bounded(stdout.columns), rows: bounded(stdout.rows) } : undefined;
  return {
    size,
    input: (signal) => read(signal, size),
    close() {
      process.off("exit", restore).off("SIGTERM", end).off("SIGHUP", end);
      restore();
      stdin.pause();
    },
  };
}

async function* read(
  signal: AbortSignal,
  size: () => TerminalSize | undefined,
): AsyncGenerator<TerminalInput, void, undefined> {
  const { stdin, stdout } = process;
  const waiting: TerminalInput[] = [];
  let hasEnded = false;
  let wake: () => void = () => undefined;
  const typed = (chunk: Buffer): void => {
    for (let at = 0; at < chunk.length; at += mostBytes) waiting.push({ stdin: chunk.subarray(at, at + mostBytes) });
    // What is piped in waits there until this much is on its way.
    stdin.pause();
    wake();
  };
  const resized = (): void => {
    const resize = size();
    if (resize !== undefined) waiting.push({ resize });
    wake();
  };
  const end = (): void => {
    hasEnded = true;
    wake();
  };
  stdin.on("data", typed).once("end", end).once("error", end);
  stdout.on("resize", resized);
  signal.addEventListener("abort", end, { once: true });
  try {
    while (!signal.aborted) {
      const next = waiting.shift();
      if (next !== undefined) yield next;
      else if (hasEnded) return;
      else {
        stdin.resume();
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    stdin.off("data", typed).off("end", end).off("error", end);
    stdout.off("resize", resized);
  }
}

const bounded = (characters: number): number => Math.min(1_000, Math.max(1, characters));
