import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { packageRoot } from "../../../src/root.js";

/** What a command did. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs. */
export interface RunningCommand {
  readonly child: ChildProcessWithoutNullStreams;
  /** Resolves with the first match in what it has printed; fails when it ends without. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  readonly outcome: Promise<Outcome>;
}

/** The program as a user has it: with a home folder of its own, and `slipway` on the PATH. */
export interface UserProgram {
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  /** Runs `slipway ARGS` to its end. */
  run(args: readonly string[], more?: { readonly env?: NodeJS.ProcessEnv; readonly input?: string }): Promise<Outcome>;
  /** Starts `slipway ARGS`. */
  start(args: readonly string[], env?: NodeJS.ProcessEnv): RunningCommand;
  /** Starts a line of the shell at a terminal of that many columns; what is written to its input is typed. */
  atTerminal(line: string, columns?: number): RunningCommand;
  /** Runs any other program with the same environment. */
  other(command: string, args: readonly string[], input?: string): Promise<Outcome>;
  /** The text of the configuration file. */
  config(): Promise<string>;
  close(): Promise<void>;
}

/** Begins with an empty home folder. */
export async function openProgram(): Promise<UserProgram> {
  const home = await mkdtemp(join(tmpdir(), "slipway-cli-"));
  const bin = join(home, "bin");
  await mkdir(bin);
  const command = [process.execPath, ...shippedProgram()];
  const words = command.map((word) => `'${word}'`).join(" ");
  await writeFile(join(bin, "slipway"), `#!/bin/sh\nexec ${words} "$@"\n`);
  await chmod(join(bin, "slipway"), 0o755);
  const env = { PATH: `${bin}${delimiter}${process.env.PATH}`, HOME: home, LANG: "C.UTF-8", TERM: "xterm" };
  const running = new Set<ChildProcessWithoutNullStreams>();
  const start = (program: string, args: readonly string[], more: NodeJS.ProcessEnv = {}): RunningCommand => {
    const child = spawn(program, [...args], { cwd: home, env: { ...env, ...more } });
    running.add(child);
    child.once("close", () => running.delete(child));
    return follow(child);
  };
  const [node = "", ...script] = command;
  const toEnd = async (started: RunningCommand, input = ""): Promise<Outcome> => {
    started.child.stdin.on("error", () => undefined).end(input);
    return await started.outcome;
  };
  return {
    home,
    env,
    run: (args, more = {}) => toEnd(start(node, [...script, ...args], more.env), more.input),
    start: (args, more) => start(node, [...script, ...args], more),
    atTerminal: (line, columns = 100) =>
      start("script", ["-qec", `stty cols ${columns} rows 40; ${line}`, "/dev/null"]),
    other: (program, args, input) => toEnd(start(program, args), input),
    config: () => readFile(join(home, ".config", "slipway", "config.yaml"), "utf8"),
    async close() {
      for (const child of running) child.kill("SIGKILL");
      await rm(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** What users run: the compiled program. Only where nothing is compiled it is run from its sources. */
function shippedProgram(): string[] {
  const isBuilt = existsSync(join(packageRoot(), "dist", "cli", "program.js"));
  if (isBuilt) return [join(packageRoot(), "bin", "slipway.js")];
  return ["--import", import.meta.resolve("tsx"), join(packageRoot(), "src", "main.ts")];
}

function follow(child: ChildProcessWithoutNullStreams): RunningCommand {
  const printed = { stdout: "", stderr: "" };
  let hasEnded = false;
  let checks: (() => void)[] = [];
  const wake = (): void => {
    const all = checks;
    checks = [];
    for (const check of all) check();
  };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      printed[name] += text;
      wake();
    });
  }
  const outcome = once(child, "close").then(([code]): Outcome => {
    hasEnded = true;
    wake();
    return { code: code as number | null, ...printed };
  });
  return {
    child,
    outcome,
    async printed(pattern) {
      for (;;) {
        const found = pattern.exec(printed.stdout + printed.stderr);
        if (found !== null) return found;
        if (hasEnded) throw new Error(`it ended without ${pattern}:\n${printed.stdout}${printed.stderr}`);
        await new Promise<void>((resolve) => checks.push(resolve));
      }
    },
  };
}
