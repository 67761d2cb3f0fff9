// One port, one process behind it or two: what the second one brings.
import { execFileSync } from "node:child_process";
import { create, toBinary } from "@bufbuild/protobuf";
import { ClusterService, ClusterServiceGetRequestSchema } from "../gen/ts/api/v1/cluster_pb.js";
import { VersionService, VersionServiceGetRequestSchema } from "../gen/ts/api/v1/version_pb.js";
import { type ClusterDatabase, openClusterDatabase } from "./cluster-database.js";
import { type MakeLoad, openLoad } from "./load.js";
import { type BenchRun, compare, compareCost, figure, median } from "./measure.js";
import { allowedCores, cpuSeconds, isThere } from "./placement.js";
import { startServe } from "./servers.js";

const rounds = 7;
const roundSeconds = 2;

/** A server, with what it takes of the processor. */
interface Server {
  /** Its processes: the primary, where there is one, and those that answer. */
  readonly pids: readonly number[];
  readonly url: string;
}

interface Round {
  readonly perSecond: number;
  /** Processor time for a call, in µs: of the server's processes, and of the load generator. */
  readonly server: number;
  readonly generator: number;
}

/**
 * Calls per second of `serve --processes 2` in comparison with one process, with the same load, in turns: of a call that
 * is answered from memory, and of one that reads PostgreSQL. With four cores or more the servers have two of them and the
 * generator the others; with fewer all share all, and what a call costs everybody tells how far it could go.
 */
export async function twoProcessesVsOne(run: BenchRun): Promise<void> {
  if (run.databaseUrl === undefined) {
    console.error("two-processes-vs-one needs a PostgreSQL: the embedded database is in one process");
    return;
  }
  const database = await openClusterDatabase(run, run.databaseUrl);
  const { cores, areOwn } = placeServers(run);
  const one = await startOn(run, database, cores, 1);
  const two = await startOn(run, database, cores, 2);
  const { project, uuid, token } = database;
  const calls = {
    "two-processes-vs-one": {
      path: `/${VersionService.typeName}/${VersionService.method.get.name}`,
      message: toBinary(VersionServiceGetRequestSchema, create(VersionServiceGetRequestSchema)),
    },
    "two-processes-vs-one.postgres": {
      path: `/${ClusterService.typeName}/${ClusterService.method.get.name}`,
      message: toBinary(ClusterServiceGetRequestSchema, create(ClusterServiceGetRequestSchema, { project, uuid })),
      token,
    },
  };
  for (const [name, call] of Object.entries(calls)) {
    const open = ({ url }: Server) => openLoad(run, { ...call, url, protocol: "grpc", http: 2 });
    const [alone, both] = [await open(one), await open(two)];
    if (!alone.answer.equals(both.answer)) throw new Error(`${name}: the two servers answer differently`);
    const figures = await inTurns(run, { server: two, load: both.load }, { server: one, load: alone.load });
    const middle = (of: keyof Round) =>
      [median(figures.map(({ ours }) => ours[of])), median(figures.map(({ baseline }) => baseline[of]))] as const;
    // PostgreSQL, too, wants cores of its own; without them the ratio says what the machine has left.
    const goal = name === "two-processes-vs-one" && areOwn ? { atLeast: 1.8 } : {};
    run.report(compare(name, "calls/s", ...middle("perSecond"), goal));
    run.report(compareCost(`${name}.cpu`, "µs/call", ...middle("server")));
    if (run.generator === "h2load") run.report(figure(`${name}.generator`, "µs/call", middle("generator")[0]));
  }
}

interface Contender {
  readonly server: Server;
  readonly load: MakeLoad;
}

async function inTurns(run: BenchRun, ours: Contender, baseline: Contender) {
  const seconds = run.short ? 0.2 : roundSeconds;
  const figures: { ours: Round; baseline: Round }[] = [];
  await measure(ours, seconds);
  await measure(baseline, seconds);
  for (let i = 0; i < (run.short ? 1 : rounds); i += 1) {
    figures.push({ ours: await measure(ours, seconds), baseline: await measure(baseline, seconds) });
  }
  return figures;
}

async function measure({ server, load }: Contender, seconds: number): Promise<Round> {
  const used = () => server.pids.reduce((sum, pid) => sum + (cpuSeconds(pid) ?? 0), 0);
  const [before, generatorBefore] = [used(), childSeconds()];
  const { calls, seconds: took } = await load(seconds);
  return {
    perSecond: calls / took,
    server: ((used() - before) / calls) * 1e6,
    generator: ((childSeconds() - generatorBefore) / calls) * 1e6,
  };
}

async function startOn(run: BenchRun, { env }: ClusterDatabase, cores: readonly number[], processes: number) {
  const { pid, url } = await startServe(run, env, ["--processes", String(processes)]);
  const below = processes === 1 ? "" : execFileSync("ps", ["-o", "pid=", "--ppid", String(pid)], { encoding: "utf8" });
  const pids = [pid, ...below.split(/\s+/).filter(Boolean).map(Number)];
  // They were started on the one core of measured servers.
  for (const each of pids) keepTo(cores, each);
  return { pids, url };
}

/**
 * The cores of the servers: two, to which the load generator does not come, beside at least two of its own; with fewer
 * cores all of them, and then it comes there, too.
 */
function placeServers(run: BenchRun): { readonly cores: readonly number[]; readonly areOwn: boolean } {
  const all = allowedCores();
  if (all.length < 4 || !isThere("taskset")) return { cores: all, areOwn: false };
  const cores = all.slice(-2);
  // The generator gets what this process has, but for the last one.
  keepTo([...all.slice(0, -2), ...all.slice(-1)], process.pid);
  run.onEnd(() => keepTo(all, process.pid));
  return { cores, areOwn: true };
}

function keepTo(cores: readonly number[], pid: number): void {
  if (!isThere("taskset")) return;
  execFileSync("taskset", ["-a", "-c", "-p", cores.join(","), String(pid)], { stdio: ["ignore", "ignore", 2] });
}

/** Processor time of the children that this process has waited for, in seconds: of h2load; 0 where there is no /proc. */
function childSeconds(): number {
  return cpuSeconds(process.pid, "children") ?? 0;
}
