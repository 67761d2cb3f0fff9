import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/** A bash in which blocks are run one after the other: variables and functions of one are there in the next. */
export interface Shell {
  /** Runs a script to its end, or until it has printed a text: then it is ended as with Ctrl-C. Answers what it has printed. */
  run(script: string, options: { readonly until?: string; readonly timeoutMs: number }): Promise<string>;
  /** Ends it with all that it has started. */
  close(): Promise<void>;
}

/** A script that did not do what it should. */
export class ScriptError extends Error {
  readonly output: string;

  constructor(message: string, output: string) {
    super(message);
    this.output = output;
  }
}

/** Opens a shell in a folder; scripts are kept in another one. */
export async function openShell(folder: string, scripts: string, env: NodeJS.ProcessEnv): Promise<Shell> {
  const child = spawn("bash", ["--noprofile", "--norc"], {
    cwd: folder,
    env,
    // A group of its own, so that Ctrl-C reaches what runs, and the end everything that is left.
    detached: true,
    stdio: ["pipe", "pipe", "pipe", "pipe"],
  });
  const heard = listen(child);
  let count = 0;
  // Bash itself goes on after Ctrl-C; what it runs does not inherit that.
  child.stdin?.write("trap : INT\n");
  return {
    async run(script, { until, timeoutMs }) {
      count += 1;
      const file = join(scripts, `${count}.sh`);
      await writeFile(file, `${script}\n`);
      heard.begin();
      // A failure ends the shell, and with it the document. A stream that is interrupted has failed, as it should.
      const mode = until === undefined ? "set -e -o pipefail" : "set +e";
      child.stdin?.write(`${mode}; . ${file} </dev/null; set +e; echo "done ${count}" >&3\n`);
      return waitFor(child, heard, { mark: `done ${count}\n`, until, timeoutMs });
    },
    async close() {
      end(child, "SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}

interface Heard {
  output: string;
  marks: string;
  ended: boolean;
  begin(): void;
  wake(): void;
  changed(): Promise<void>;
}

function listen(child: ChildProcess): Heard {
  let wakers: (() => void)[] = [];
  const heard: Heard = {
    output: "",
    marks: "",
    ended: false,
    begin() {
      heard.output = "";
      heard.marks = "";
    },
    wake() {
      for (const wake of wakers) wake();
      wakers = [];
    },
    changed: () => new Promise((resolve) => wakers.push(resolve)),
  };
  for (const fd of [1, 2, 3]) {
    const stream = child.stdio[fd];
    if (stream === null || stream === undefined || !("setEncoding" in stream)) continue;
    stream.setEncoding("utf8").on("data", (text: string) => {
      if (fd === 3) heard.marks += text;
      else heard.output += text;
      heard.wake();
    });
  }
  child.once("exit", () => {
    heard.ended = true;
    heard.wake();
  });
  return heard;
}

interface Wait {
  readonly mark: string;
  readonly until: string | undefined;
  readonly timeoutMs: number;
}

async function waitFor(child: ChildProcess, heard: Heard, { mark, until, timeoutMs }: Wait): Promise<string> {
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    heard.wake();
  }, timeoutMs);
  let isInterrupted = false;
  try {
    for (;;) {
      const changed = heard.changed();
      if (until !== undefined && !isInterrupted && heard.output.includes(until)) {
        isInterrupted = true;
        end(child, "SIGINT");
      }
      if (heard.marks.endsWith(mark)) break;
      if (heard.ended) throw new ScriptError(`ended with ${child.exitCode ?? child.signalCode}`, heard.output);
      if (late) throw new ScriptError(`did not end within ${timeoutMs / 1000} s`, heard.output);
      await changed;
    }
  } finally {
    clearTimeout(timer);
  }
  // The streams are not read in the order in which they were written: what was printed last may be on its way.
  await new Promise((resolve) => setTimeout(resolve, 50));
  if (until !== undefined && !isInterrupted) throw new ScriptError(`ended before it printed ${until}`, heard.output);
  return heard.output;
}

/** Sends a signal to the shell and all that it has started. */
function end(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It is gone already.
  }
}
