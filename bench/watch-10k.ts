// One change on its way to all readers of ClusterService.WatchStatus: the real `slipway serve` on PostgreSQL with its
// whole chain, beside @grpc/grpc-js with nothing around it.

import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import pg from "pg";
import { ClusterService, ClusterServiceWatchStatusRequestSchema } from "../gen/ts/api/v1/cluster_pb.js";
import { type ClusterDatabase, openClusterDatabase } from "./cluster-database.js";
import { type BenchRun, compareCost, figure, median, percentile } from "./measure.js";
import { cpuSeconds } from "./placement.js";
import { residentMb, within } from "./processes.js";
import type { Arrivals } from "./servers/watch-readers.js";
import { startClient, startServe, startServer } from "./servers.js";

interface Size {
  readonly connections: number;
  readonly streamsPerConnection: number;
  readonly rounds: number;
  readonly changesPerRound: number;
}

const fullSize: Size = { connections: 100, streamsPerConnection: 100, rounds: 7, changesPerRound: 5 };
const shortSize: Size = { connections: 4, streamsPerConnection: 10, rounds: 1, changesPerRound: 2 };

const name = "watch-10k-vs-grpcjs";
const path = `/${ClusterService.typeName}/${ClusterService.method.watchStatus.name}`;
const deliveryMs = 60_000;
/** Each change is measured by itself, and what opening streams costs is over by then. */
const pauseMs = 300;
const settleMs = 3_000;
const mostKb = 16;

/** A server whose readers are there. */
interface Side {
  readonly pid: number;
  /** Makes a change that readers recognise by the text. */
  readonly change: (text: string) => Promise<unknown>;
  /** How many streams the server has open. */
  readonly count: () => Promise<number>;
  readonly readers: Readers;
  /** Resident memory of a stream, in kB: after opening, and now. */
  readonly memory: { readonly idle: number; now(): number };
}

interface Readers {
  /** The message that came last, in base64. */
  readonly last: string;
  /** Milliseconds from just before the change to its arrival at each reader. */
  timeChange(text: string, change: () => Promise<unknown>): Promise<number[]>;
  close(): Promise<unknown>;
}

/** From a change of a cluster in the database to the message at 10,000 authorized readers over 100 connections. */
export async function watch10kVsGrpcjs(run: BenchRun): Promise<void> {
  if (run.databaseUrl === undefined) {
    console.error(`${name} needs a PostgreSQL server: set DATABASE_URL or TEST_DATABASE_URL`);
    return;
  }
  const size = run.short ? shortSize : fullSize;
  const ours = await openPlatform(run, size, await openClusterDatabase(run, run.databaseUrl));
  const baseline = await openBaseline(run, size, ours.readers.last);
  // Both take turns, so that whatever else the machine does meets both.
  const rounds: { ours: Round; baseline: Round }[] = [];
  await measureRound(ours, size);
  await measureRound(baseline, size);
  for (let i = 0; i < size.rounds; i++) {
    rounds.push({ ours: await measureRound(ours, size), baseline: await measureRound(baseline, size) });
  }
  reportRounds(run, rounds);
  reportMemory(run, ours, baseline);
  await ours.readers.close();
  const left = await countDown(ours);
  run.report(figure(`${name}.streams-after-close`, "streams", left, { below: 1 }));
}

interface Round {
  readonly p50: number;
  readonly p99: number;
  /** Processor time of the server for one delivery, in µs. */
  readonly cpu: number | undefined;
}

let changes = 0;

async function measureRound({ pid, readers, change }: Side, size: Size): Promise<Round> {
  const samples: number[] = [];
  const before = cpuSeconds(pid);
  for (let i = 0; i < size.changesPerRound; i++) {
    changes += 1;
    const text = `change-${String(changes).padStart(6, "0")}`;
    samples.push(...(await readers.timeChange(text, () => change(text))));
    await sleep(pauseMs);
  }
  const after = cpuSeconds(pid);
  const cpu = before === undefined || after === undefined ? undefined : ((after - before) / samples.length) * 1e6;
  return { p50: percentile(samples, 0.5), p99: percentile(samples, 0.99), cpu };
}

function reportRounds(run: BenchRun, rounds: readonly { ours: Round; baseline: Round }[]): void {
  const middle = (of: (round: Round) => number): [number, number] => [
    median(rounds.map(({ ours }) => of(ours))),
    median(rounds.map(({ baseline }) => of(baseline))),
  ];
  run.report(compareCost(name, "ms", ...middle(({ p99 }) => p99), { atLeast: 1 }));
  run.report(compareCost(`${name}.p50`, "ms", ...middle(({ p50 }) => p50)));
  if (cpuSeconds(process.pid) === undefined) return;
  run.report(compareCost(`${name}.cpu`, "µs/stream", ...middle(({ cpu = 0 }) => cpu)));
}

function reportMemory(run: BenchRun, ours: Side, baseline: Side): void {
  // With few streams what the server has learned in the meantime outweighs them.
  const goal = run.short ? {} : { below: mostKb };
  run.report(compareCost(`${name}.rss-idle`, "kB/stream", ours.memory.idle, baseline.memory.idle, goal));
  run.report(compareCost(`${name}.rss-loaded`, "kB/stream", ours.memory.now(), baseline.memory.now(), goal));
}

async function openPlatform(run: BenchRun, size: Size, database: ClusterDatabase): Promise<Side> {
  const { project, uuid, token } = database;
  const metrics = await freePort();
  const { pid, url } = await startServe(run, {
    ...database.env,
    SLIPWAY_METRICS_LISTEN: `127.0.0.1:${metrics}`,
    SLIPWAY_TOKEN_STREAMS: "0",
  });
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  run.onEnd(() => client.end());
  const schema = ClusterServiceWatchStatusRequestSchema;
  const request = Buffer.from(toBinary(schema, create(schema, { project, uuid }))).toString("base64");
  const change = (text: string) =>
    client.query({ name: "change", text: changeCluster, values: [uuid, JSON.stringify(text)] });
  const opened = await openReaders(run, pid, size, { url, path, token, request });
  return { pid, change, count: () => activeStreams(metrics), ...opened };
}

/** As `clusterStore.observe` writes it. */
const changeCluster = `
  update clusters set conditions = jsonb_set(conditions, '{0,message}', $2::jsonb), revision = revision + 1
  where id = $1`;

async function openBaseline(run: BenchRun, size: Size, message: string): Promise<Side> {
  const { pid, ready, ask } = await startServer<number>(run, "baselines/grpcjs-watch", { message });
  const opened = await openReaders(run, pid, size, { url: `http://127.0.0.1:${ready}`, path, request: "" });
  return { pid, change: (text) => ask({ change: text }), count: () => ask<number>({ count: true }), ...opened };
}

/** Opens the streams from one process with a bare client. */
async function openReaders(
  run: BenchRun,
  pid: number,
  { connections, streamsPerConnection }: Size,
  target: { url: string; path: string; request: string; token?: string },
): Promise<Pick<Side, "readers" | "memory">> {
  const client = await startClient(run, "servers/watch-readers", { ...target, connections, streamsPerConnection });
  const count = connections * streamsPerConnection;
  const before = residentMb(pid);
  const perStream = () => ((residentMb(pid) - before) * 1_000) / count;
  const arrived = async (question: object, what: string) => {
    const found = await within(deliveryMs, `${what} at ${count} readers`, client.ask<Arrivals>(question));
    if ("failure" in found) throw new Error(`${what}: ${found.failure}`);
    return found;
  };
  const { last } = await arrived({ open: "" }, "the first message");
  await sleep(settleMs);
  const readers: Readers = {
    last,
    async timeChange(text, change) {
      await client.ask({ await: text });
      const began = Number(process.hrtime.bigint()) / 1e6;
      await change();
      const { arrivals } = await arrived({ arrivals: true }, text);
      return arrivals.map((at) => at - began);
    },
    close: () => client.ask({ close: true }),
  };
  return { readers, memory: { idle: perStream(), now: perStream } };
}

/** Waits until no stream is open; how many are after a while. */
async function countDown({ count }: Side): Promise<number> {
  let open = await count();
  for (let tries = 0; open > 0 && tries < 50; tries++) {
    await sleep(100);
    open = await count();
  }
  return open;
}

/** How many streams the platform says are open. */
async function activeStreams(port: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const lines = text.split("\n").filter((line) => line.startsWith("rpc_server_active_streams{"));
  return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
