import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../src/root.js";
import type { LogLine } from "./platform.js";

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A program that a test has started. */
export interface TestProcess {
  readonly pid: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The first match in what the process has printed to both streams; fails when it ends without. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  /** The first line of its log with this message; fails when it ends without. */
  logged(message: string): Promise<LogLine>;
  signal(signal: NodeJS.Signals): void;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<Exit>;
  /** SIGTERM; resolves when the process has ended by itself. */
  stop(): Promise<Exit>;
  /** Resolves when the process has ended. */
  readonly exit: Promise<Exit>;
}

/** Starts programs, and ends those that are left at the end of a test. */
export interface TestProcesses {
  /** `slipway ARGS` with nothing in its environment but what is given. */
  slipway(args: readonly string[], env?: NodeJS.ProcessEnv): TestProcess;
  /** Any Node program. */
  node(args: readonly string[], env?: NodeJS.ProcessEnv): TestProcess;
  killAll(): Promise<void>;
}

/** Begins with none. */
export function testProcesses(): TestProcesses {
  const program = programArgs();
  const running = new Set<TestProcess>();
  const node = (args: readonly string[], env: NodeJS.ProcessEnv = {}): TestProcess => {
    const child = spawn(process.execPath, [...args], {
      cwd: packageRoot(),
      env: { PATH: process.env.PATH, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const started = follow(child);
    running.add(started);
    void started.exit.then(() => running.delete(started));
    return started;
  };
  return {
    node,
    slipway: (args, env) => node([...program, ...args], env),
    async killAll() {
      await Promise.all([...running].map((each) => each.kill()));
    },
  };
}

function follow(child: ChildProcess): TestProcess {
  const output = { stdout: "", stderr: "" };
  let waiting = new Set<() => void>();
  const wake = (): void => {
    const all = waiting;
    waiting = new Set();
    for (const check of all) check();
  };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
      wake();
    });
  }
  let ended = false;
  const exit = once(child, "close").then(([code, signal]): Exit => {
    ended = true;
    wake();
    return { code, signal };
  });
  const find = async <T>(what: string, look: () => T | undefined): Promise<T> => {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (ended) throw new Error(`the process ended without ${what}:\n${output.stdout}${output.stderr}`);
      await new Promise<void>((resolve) => waiting.add(resolve));
    }
  };
  const end = (signal: NodeJS.Signals): Promise<Exit> => {
    if (!ended) child.kill(signal);
    return exit;
  };
  return {
    pid: child.pid ?? -1,
    get stdout() {
      return output.stdout;
    },
    get stderr() {
      return output.stderr;
    },
    printed: (pattern) => find(String(pattern), () => pattern.exec(output.stdout + output.stderr) ?? undefined),
    logged: (message) =>
      find(`the line "${message}"`, () => logLines(output.stderr).find((line) => line.msg === message)),
    signal: (signal) => void child.kill(signal),
    kill: () => end("SIGKILL"),
    stop: () => end("SIGTERM"),
    exit,
  };
}

/** The lines of a log; what is no JSON is left out. */
export function logLines(text: string): LogLine[] {
  const complete = text.slice(0, text.lastIndexOf("\n") + 1);
  return complete
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as LogLine);
}

/** How Node runs the program: as it is shipped; from its sources where those are newer, which takes longer. */
export function programArgs(): string[] {
  const stamp = join(packageRoot(), "dist", "build.json");
  const source = join(packageRoot(), "src");
  const newest = Math.max(
    ...readdirSync(source, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => statSync(join(source, name)).mtimeMs),
  );
  const isBuilt = existsSync(stamp) && statSync(stamp).mtimeMs >= newest;
  return isBuilt ? [join(packageRoot(), "dist", "src", "main.js")] : ["--import", "tsx", join(source, "main.ts")];
}
