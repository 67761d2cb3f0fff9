// The servers in servers/ and baselines/: compiled, each in a process of its own on a core of its own.
import { type ChildProcess, execFileSync, fork, spawn } from "node:child_process";
import { open, readFile } from "node:fs/promises";
import { join, parse, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { BenchRun } from "./measure.js";
import { placement } from "./placement.js";
import { pidOf, root, scratchFolder, startTimeoutMs, stopOnce, within } from "./processes.js";

/** A measured program. */
export interface Server<Ready> {
  readonly pid: number;
  /** The first thing that it sent. */
  readonly ready: Ready;
  /** Sends a message; resolves with the next one that comes back. One at a time. */
  ask<Answer>(message: object): Promise<Answer>;
  stop(): Promise<void>;
}

let compiled = false;

/**
 * Starts servers/NAME.ts or baselines/NAME.ts on the servers' core. `given` is what the program gets as JSON in its
 * first argument. With a profile folder it leaves its profile there, in a file that begins with its name. What it logs
 * to standard error is kept nowhere; a failure ends it and is shown.
 */
export function startServer<Ready>(run: BenchRun, name: string, given: object): Promise<Server<Ready>> {
  const { profileDir } = run;
  const env = profileDir === undefined ? {} : { BENCH_PROFILE: profileIn(profileDir, name) };
  return start(run, name, given, [...placement().server, process.execPath], env);
}

/** Starts such a program, a client, on the cores that the servers leave. */
export function startClient<Ready>(run: BenchRun, name: string, given: object): Promise<Server<Ready>> {
  return start(run, name, given, [...placement().load, process.execPath]);
}

async function start<Ready>(
  run: BenchRun,
  name: string,
  given: object,
  [execPath = process.execPath, ...execArgv]: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Server<Ready>> {
  compileServers();
  const child = fork(join(root, "dist", "bench", "bench", `${name}.js`), [JSON.stringify(given)], {
    execPath,
    execArgv,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ["ignore", 2, "ignore", "ipc"],
  });
  const stop = stopOnce(child);
  run.onEnd(stop);
  const ready = await within(startTimeoutMs, `the start of ${name}`, nextMessage<Ready>(child, name));
  return {
    ready,
    pid: pidOf(child),
    stop,
    ask<Answer>(message: object) {
      const answer = nextMessage<Answer>(child, name);
      child.send(message);
      return answer;
    },
  };
}

function nextMessage<T>(child: ChildProcess, name: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) => reject(new Error(`${name} ended with ${code}`));
    child.once("message", (message) => {
      child.off("exit", onExit).off("error", reject);
      resolve(message as T);
    });
    child.once("exit", onExit);
    child.once("error", reject);
  });
}

/** A `slipway serve` on the servers' core, on a free port; its log is written to a file, as it would be. */
export async function startServe(
  run: BenchRun,
  env: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): Promise<{ readonly pid: number; readonly url: string; stop(): Promise<void> }> {
  const path = join(await scratchFolder(run), "log");
  const log = await open(path, "a");
  const { profileDir } = run;
  const { dir, base } = parse(profileIn(profileDir ?? "", "serve"));
  const profile = profileDir === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${dir}`, `--cpu-prof-name=${base}`];
  const [command = process.execPath, ...before] = [...placement().server, process.execPath, ...profile];
  const child = spawn(command, [...before, join(root, "bin", "slipway.js"), "serve", ...args], {
    stdio: ["ignore", log.fd, log.fd],
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      SLIPWAY_LISTEN: "127.0.0.1:0",
      SLIPWAY_RATE_LIMIT: "0",
      SLIPWAY_TOKEN_RATE_LIMIT: "0",
      SLIPWAY_SHUTDOWN_GRACE_SECONDS: "1",
      ...env,
    },
  });
  const stop = stopOnce(child);
  run.onEnd(stop);
  await log.close();
  const port = await within(startTimeoutMs, "the start of slipway serve", portInLog(child, path)).catch(
    async (error: Error) => {
      throw new Error(`${error.message}\n${await readFile(path, "utf8")}`);
    },
  );
  return { pid: pidOf(child), url: `http://127.0.0.1:${port}`, stop };
}

/** Waits for the line of the log that says where it serves. */
async function portInLog(child: ChildProcess, path: string): Promise<number> {
  while (child.exitCode === null && child.signalCode === null) {
    const lines = (await readFile(path, "utf8")).split("\n");
    const line = lines.find((each) => each.includes('"msg":"serving"'));
    if (line !== undefined) return (JSON.parse(line) as { port: number }).port;
    await sleep(50);
  }
  throw new Error(`slipway serve ended with ${child.exitCode ?? child.signalCode}`);
}

/** A file for the profile of a program. */
function profileIn(folder: string, name: string): string {
  return join(resolve(folder), `${name.replace("/", "-")}-${Date.now()}.cpuprofile`);
}

/**
 * Compiles them as the program is compiled, for what runs through tsx would carry its helpers along; once in this
 * process, before the first of them starts.
 */
export function compileServers(): void {
  if (compiled) return;
  execFileSync(join(root, "node_modules", ".bin", "tsc"), ["-p", join("bench", "tsconfig.json")], {
    cwd: root,
    stdio: ["ignore", 2, 2],
  });
  compiled = true;
}
