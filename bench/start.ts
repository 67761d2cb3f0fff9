import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { ClusterService } from "../gen/ts/api/v1/cluster_pb.js";
import { openClusterDatabase } from "./cluster-database.js";
import { type BenchRun, compare, figure, median } from "./measure.js";
import { compile, residentMb, type Slipway, scratchFolder, startProgram, startSlipway } from "./processes.js";
import { startServe } from "./servers.js";
import { startModules } from "./start-modules.js";

const goalSeconds = 10;
const goalMb = 600;

/** From nothing to the first answered call, what the process then holds in memory, and what it has loaded for it. */
export async function start(run: BenchRun): Promise<void> {
  const rounds = run.short ? 1 : 3;
  const idleMs = run.short ? 500 : 10_000;
  const compile = await repeated(rounds, () => timeCompile(run));
  const cold: number[] = [];
  const warm: number[] = [];
  const resident: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const dataDir = join(await scratchFolder(run), "data");
    const first = await timeStart(run, dataDir);
    await sleep(idleMs);
    resident.push(residentMb(first.slipway.pid));
    await first.slipway.stop();
    const second = await timeStart(run, dataDir);
    await second.slipway.stop();
    cold.push(first.seconds);
    warm.push(second.seconds);
  }
  const bare = await repeated(rounds, () => bareDatabaseMb(run, idleMs));
  // What `npm start` does in a fresh clone once the packages are there.
  run.report(figure("start.cold-with-compile", "s", median(compile) + median(cold), { below: goalSeconds }));
  run.report(figure("start.compile", "s", median(compile)));
  run.report(figure("start.cold", "s", median(cold)));
  run.report(figure("start.warm", "s", median(warm)));
  run.report(compare("start.idle-memory", "MB", median(resident), median(bare), { below: goalMb }));
  if (run.databaseUrl !== undefined) await startOfServe(run, run.databaseUrl, rounds, idleMs);
  await startModules(run);
}

/** The same of `slipway serve`, on PostgreSQL. */
async function startOfServe(run: BenchRun, databaseUrl: string, rounds: number, idleMs: number): Promise<void> {
  const { env, project, token } = await openClusterDatabase(run, databaseUrl);
  const seconds: number[] = [];
  const resident: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const began = performance.now();
    const { pid, url, stop } = await startServe(run, env);
    await firstCall(url, project, token);
    seconds.push((performance.now() - began) / 1000);
    await sleep(idleMs);
    resident.push(residentMb(pid));
    await stop();
  }
  run.report(figure("start.serve", "s", median(seconds)));
  run.report(figure("start.serve.idle-memory", "MB", median(resident)));
}

async function firstCall(url: string, project: string, token: string): Promise<void> {
  const client = createClient(ClusterService, createConnectTransport({ baseUrl: url, httpVersion: "1.1" }));
  await client.list({ project }, { headers: { authorization: `Bearer ${token}` }, timeoutMs: 10_000 });
}

async function repeated(times: number, measure: () => Promise<number>): Promise<number[]> {
  const values: number[] = [];
  for (let i = 0; i < times; i++) values.push(await measure());
  return values;
}

/** Compiles everything to a folder where there is nothing yet. */
async function timeCompile(run: BenchRun): Promise<number> {
  const out = await scratchFolder(run);
  const began = performance.now();
  compile(["--outDir", out, "--tsBuildInfoFile", join(out, "info")]);
  return (performance.now() - began) / 1000;
}

async function timeStart(run: BenchRun, dataDir: string): Promise<{ slipway: Slipway; seconds: number }> {
  const began = performance.now();
  const slipway = await startSlipway(run, { dataDir });
  const { url, project, tokens } = slipway.info;
  await firstCall(url, project, tokens.owner);
  return { slipway, seconds: (performance.now() - began) / 1000 };
}

async function bareDatabaseMb(run: BenchRun, idleMs: number): Promise<number> {
  const dataDir = join(await scratchFolder(run), "data");
  // Making the files of a database takes memory that the process keeps: Slipway, too, leaves that to another one.
  await (await startProgram(run, "bare-database.js", [dataDir])).stop();
  const { pid, stop } = await startProgram(run, "bare-database.js", [dataDir]);
  await sleep(idleMs);
  const resident = residentMb(pid);
  await stop();
  return resident;
}
