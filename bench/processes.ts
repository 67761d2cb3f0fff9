import { type ChildProcess, execFileSync, fork, spawn } from "node:child_process";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import type { DevInfo } from "../src/commands/dev-data.js";
import type { BenchRun } from "./measure.js";

/** How long a program may take until it is ready. */
export const startTimeoutMs = 60_000;
const stopTimeoutMs = 20_000;
/** The folder of the package. */
export const root = join(fileURLToPath(import.meta.url), "..", "..");

/** A `slipway dev` in a process of its own. */
export interface Slipway {
  readonly pid: number;
  readonly info: DevInfo;
  stop(): Promise<void>;
}

export interface SlipwayOptions {
  readonly dataDir: string;
  /** Undefined: the embedded database. */
  readonly databaseUrl?: string | undefined;
  /** How many times faster than usual simulated clusters come and go. */
  readonly timeScale?: number;
  /** Options of Node for the process. */
  readonly nodeArgs?: readonly string[];
}

/** Starts the compiled program on free ports; resolves when it says that it serves. */
export async function startSlipway(run: BenchRun, options: SlipwayOptions): Promise<Slipway> {
  const { dataDir, databaseUrl, timeScale = 1, nodeArgs = [] } = options;
  const profile = run.profileDir === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${run.profileDir}`];
  const program = [join(root, "bin", "slipway.js"), "dev", "--listen", "127.0.0.1:0", "--data-dir", dataDir];
  const logFile = join(dataDir, "..", "log");
  const log = await open(logFile, "a");
  const child = spawn(process.execPath, [...nodeArgs, ...profile, ...program, "--time-scale", String(timeScale)], {
    stdio: ["ignore", "pipe", log.fd],
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      SLIPWAY_RATE_LIMIT: "0",
      SLIPWAY_TOKEN_RATE_LIMIT: "0",
      // All that a bench opens comes from one address.
      SLIPWAY_ANONYMOUS_STREAMS_PER_NETWORK: "0",
      SLIPWAY_SHUTDOWN_GRACE_SECONDS: "1",
      ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    },
  });
  const stop = stopOnce(child);
  run.onEnd(stop);
  await log.close();
  await within(startTimeoutMs, "the start of slipway dev", serving(child)).catch(async (error: Error) => {
    throw new Error(`${error.message}\n${await readFile(logFile, "utf8")}`);
  });
  const info = JSON.parse(await readFile(join(dataDir, "dev.json"), "utf8")) as DevInfo;
  return { pid: pidOf(child), info, stop };
}

function serving(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (text.includes("Slipway serves at")) resolve();
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`slipway dev ended with ${code}`)));
  });
}

/** Another program of this folder in a process of its own; `ready` is the first thing that it sends. */
export async function startProgram<T>(
  run: BenchRun,
  file: string,
  args: readonly string[] = [],
): Promise<{ readonly pid: number; readonly ready: T; stop(): Promise<void> }> {
  const child = fork(join(root, "bench", file), [...args], { stdio: ["ignore", 2, 2, "ipc"] });
  const stop = stopOnce(child);
  run.onEnd(stop);
  const first = new Promise<T>((resolve, reject) => {
    child.once("message", (message) => resolve(message as T));
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${file} ended with ${code}`)));
  });
  return { ready: await within(startTimeoutMs, `the start of ${file}`, first), pid: pidOf(child), stop };
}

/** Ends a child with SIGTERM, with SIGKILL if that takes too long; resolves when it has ended. */
export function stopOnce(child: ChildProcess): () => Promise<void> {
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  return async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    const late = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
    await ended;
    clearTimeout(late);
  };
}

/** The id of a child that has started. */
export function pidOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error("the process did not start");
  return pid;
}

/** Compiles src as `npm run build` does, with further arguments for the compiler. */
export function compile(args: readonly string[] = []): void {
  const compiler = join(root, "node_modules", ".bin", "tsc");
  execFileSync(compiler, ["-p", "tsconfig.build.json", ...args], { cwd: root, stdio: ["ignore", 2, 2] });
}

/** Builds the program that is measured, unless it is built already. */
export function build(): void {
  execFileSync(process.execPath, [join(root, "scripts", "build.js")], { cwd: root, stdio: ["ignore", 2, 2] });
}

/** Resident memory of a process, in MB of 10^6 bytes. */
export function residentMb(pid: number): number {
  return (Number(execFileSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" })) * 1024) / 1e6;
}

/** A new folder that goes with the bench. */
export async function scratchFolder(run: BenchRun): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-bench-"));
  run.onEnd(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A new database that goes with the bench, a copy of another where one is given that nobody is connected to; its URL. */
export async function scratchDatabase(run: BenchRun, serverUrl: string, copyOf?: string): Promise<string> {
  const name = `slipway_bench_${Date.now()}`;
  const onServer = async (statement: string) => {
    const client = new pg.Client({ connectionString: serverUrl });
    await client.connect();
    await client.query(statement).finally(() => client.end());
  };
  const template = copyOf === undefined ? "" : ` template ${new URL(copyOf).pathname.slice(1)}`;
  await onServer(`create database ${name}${template}`);
  run.onEnd(() => onServer(`drop database if exists ${name} with (force)`));
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.toString();
}

/** The databases to measure on: the embedded one and, where there is a server, PostgreSQL. */
export function databasesOf(run: BenchRun): { name: string; open: () => Promise<string | undefined> }[] {
  const { databaseUrl } = run;
  const embedded = { name: "embedded", open: async () => undefined };
  if (databaseUrl === undefined) return [embedded];
  return [embedded, { name: "postgres", open: () => scratchDatabase(run, databaseUrl) }];
}

/** Waits for work, at most so long. */
export async function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
