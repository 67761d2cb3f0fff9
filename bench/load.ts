// Makes a server answer the same call as fast as it can, from processes on the cores that the server does not use.
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { bodyOf, headersOf, openCaller, type Target } from "./call.js";
import type { BenchRun } from "./measure.js";
import { placement } from "./placement.js";
import { scratchFolder } from "./processes.js";
import { startClient } from "./servers.js";

/** 32 callers: over HTTP/2 on 4 connections, over HTTP/1.1 each on its own. */
const connections = { 1: 32, 2: 4 } as const;
const callers = 32;
const mostSeconds = 60;

/** What a round of load came to. */
export interface Load {
  readonly calls: number;
  readonly seconds: number;
}

/** Makes calls for about so many seconds; throws unless each of them was answered, and rightly. */
export type MakeLoad = (seconds: number) => Promise<Load>;

/** Makes requests that differ: the text in the request's message is replaced by its like, counted up. */
export interface Varied extends Target {
  /** A letter and digits, such as "b000000000", once in the message. */
  readonly counted: string;
}

/**
 * Readies the load on a target. The answer to it must not change: before each round a call is made and its answer
 * compared with the first one's, and a round must have brought as many bytes as that many answers have.
 */
export async function openLoad(run: BenchRun, target: Target): Promise<{ answer: Buffer; load: MakeLoad }> {
  const caller = openCaller(target, 1);
  run.onEnd(() => caller.close());
  const answer = await caller.call();
  const make =
    run.generator === "h2load" ? await h2load(run, target, answer.length) : await workers(run, target, answer.length);
  return {
    answer,
    load: counting(run, async (calls) => {
      if (!answer.equals(await caller.call())) throw new Error(`${target.path} answers something else than before`);
      return make(calls);
    }),
  };
}

/** Readies load of requests that differ, of which h2load knows nothing; answers need only be successes. */
export async function openVariedLoad(run: BenchRun, target: Varied): Promise<MakeLoad> {
  return counting(run, await workers(run, target, undefined));
}

/** Makes a number of calls; resolves with the seconds that they took. */
export type MakeCalls = (calls: number) => Promise<number>;

/** Load for a time, from calls by number: how many are made is chosen by how fast the last ones were. */
export function counting({ short }: BenchRun, make: MakeCalls): MakeLoad {
  let perSecond: number | undefined;
  return async (seconds) => {
    perSecond ??= short ? 200 : 500 / (await make(500));
    const calls = short ? 100 : Math.max(100, Math.round(perSecond * seconds));
    const took = await make(calls);
    perSecond = calls / took;
    return { calls, seconds: took };
  };
}

async function h2load(run: BenchRun, target: Target, answerBytes: number): Promise<MakeCalls> {
  const body = join(await scratchFolder(run), "body");
  await writeFile(body, bodyOf(target, target.message));
  const { load, loadCores } = placement();
  const headers = Object.entries(headersOf(target)).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const count = connections[target.http];
  const protocol = target.http === 1 ? ["--h1"] : ["-p", "h2c", "-m", String(callers / count)];
  const threads = ["-t", String(Math.min(count, loadCores, 4))];
  const url = new URL(target.path, target.url).href;
  const [command = "h2load", ...args] = [...load, "h2load", ...threads, "-c", String(count), ...protocol, ...headers];
  return async (calls) => {
    const { stdout } = await promisify(execFile)(command, [...args, "-n", String(calls), "-d", body, url], {
      timeout: mostSeconds * 1_000,
    });
    const found = parseH2load(stdout);
    const asked = { succeeded: calls, good: calls, bytes: calls * answerBytes };
    for (const [name, wanted] of Object.entries(asked)) {
      if (found[name as keyof typeof asked] === wanted) continue;
      throw new Error(`${target.path}: of ${calls} calls ${name} should be ${wanted}\n${stdout}`);
    }
    return calls / found.perSecond;
  };
}

/** What h2load says: answers that came whole, those with a status of 2xx, and the bytes of their bodies. */
function parseH2load(output: string) {
  const read = (pattern: RegExp): number => {
    const number = pattern.exec(output)?.[1];
    if (number === undefined) throw new Error(`h2load says nothing of ${pattern}:\n${output}`);
    return Number(number);
  };
  return {
    perSecond: read(/finished in .*?, ([\d.]+) req\/s/),
    succeeded: read(/requests: .* (\d+) succeeded/),
    good: read(/status codes: (\d+) 2xx/),
    bytes: read(/traffic: .*\((\d+)\) data/),
  };
}

/** Clients on Node.js: one process for each core that the server leaves, up to four. */
async function workers(run: BenchRun, target: Target | Varied, answerBytes: number | undefined): Promise<MakeCalls> {
  const processes = Math.min(placement().loadCores, 4);
  const each = { callers: callers / processes, connections: connections[target.http] / processes, processes };
  const started = await Promise.all(
    Array.from({ length: processes }, (_, worker) => {
      const message = Buffer.from(target.message).toString("base64");
      return startClient(run, "servers/load-worker", { ...each, worker, answerBytes, target: { ...target, message } });
    }),
  );
  return async (calls) => {
    const share = { calls: Math.ceil(calls / processes) };
    const times = await Promise.all(started.map((one) => one.ask<number>(share)));
    return (Math.max(...times) * calls) / (share.calls * processes);
  };
}
