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
  const waiting: TerminalInput[] = [];
  let wake: () => void = () => undefined;
  const listening = listen(size, waiting, () => wake());
  signal.addEventListener("abort", listening.end, { once: true });
  try {
    while (!signal.aborted) {
      const next = waiting.shift();
      if (next !== undefined) yield next;
      else if (listening.hasEnded()) return;
      else {
        process.stdin.resume();
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    listening.stop();
  }
}

/** Puts what comes into a list, and tells of each. */
function listen(size: () => TerminalSize | undefined, into: TerminalInput[], tell: () => void) {
  const { stdin, stdout } = process;
  let hasEnded = false;
  const typed = (chunk: Buffer): void => {
    for (let at = 0; at < chunk.length; at += mostBytes) into.push({ stdin: chunk.subarray(at, at + mostBytes) });
    // What is piped in waits there until this much is on its way.
    stdin.pause();
    tell();
  };
  const resized = (): void => {
    const resize = size();
    if (resize !== undefined) into.push({ resize });
    tell();
  };
  const end = (): void => {
    hasEnded = true;
    tell();
  };
  stdin.on("data", typed).once("end", end).once("error", end);
  stdout.on("resize", resized);
  return {
    end,
    hasEnded: () => hasEnded,
    stop(): void {
      stdin.off("data", typed).off("end", end).off("error", end);
      stdout.off("resize", resized);
    },
  };
}

const bounded = (characters: number): number => Math.min(1_000, Math.max(1, characters));
