import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { pino } from "pino";
import { ClusterService, ClusterServiceWatchStatusRequestSchema } from "../gen/ts/api/v1/cluster_pb.js";
import { openCaller } from "../src/kube/caller.js";
import { pathOf } from "../src/kube/objects.js";
import { keys, type Shoot, shoots } from "../src/resources/api/cluster/gardener-types.js";
import { openGrpc } from "./grpc.js";
import { type BenchRun, compare, figure, median } from "./measure.js";
import { databasesOf, type Slipway, scratchFolder, startProgram, startSlipway } from "./processes.js";
import { openReaders, type Readers, type Round, roundOf } from "./readers.js";

const goalMs = 100;

interface Size {
  readonly connections: number;
  readonly streamsPerConnection: number;
  readonly rounds: number;
  readonly changesPerRound: number;
  /** Pause between two changes, so that each is measured by itself. */
  readonly pauseMs: number;
}

const fullSize: Size = { connections: 10, streamsPerConnection: 50, rounds: 7, changesPerRound: 20, pauseMs: 150 };
const shortSize: Size = { connections: 2, streamsPerConnection: 5, rounds: 1, changesPerRound: 3, pauseMs: 10 };

/** Makes a change that readers recognise by this text. */
type MakeChange = (text: string) => Promise<unknown>;

interface Subject {
  readonly readers: Readers;
  readonly change: MakeChange;
}

/** From a change of a Shoot's status to the message at every reader of WatchStatus. */
export async function statusToReader(run: BenchRun): Promise<void> {
  const size = run.short ? shortSize : fullSize;
  for (const { name, open } of databasesOf(run)) {
    const dataDir = join(await scratchFolder(run), "data");
    const slipway = await startSlipway(run, { dataDir, databaseUrl: await open(), timeScale: 100 });
    const ours = await openPlatform(run, size, slipway);
    const baseline = await openBaseline(run, size, () => ours.readers.last());
    // Both take turns, so that whatever else the machine does meets both.
    const rounds: { ours: Round; baseline: Round }[] = [];
    await measureRound(ours, size);
    await measureRound(baseline, size);
    for (let i = 0; i < size.rounds; i++) {
      rounds.push({ ours: await measureRound(ours, size), baseline: await measureRound(baseline, size) });
    }
    reportRounds(run, `status-to-reader.${name}`, rounds);
    await slipway.stop();
  }
}

function reportRounds(run: BenchRun, name: string, rounds: readonly { ours: Round; baseline: Round }[]): void {
  const middle = (of: (round: Round) => number) =>
    [median(rounds.map(({ ours }) => of(ours))), median(rounds.map(({ baseline }) => of(baseline)))] as const;
  run.report(compare(`${name}.p50`, "ms", ...middle(({ p50 }) => p50)));
  run.report(compare(`${name}.p99`, "ms", ...middle(({ p99 }) => p99), { below: goalMs }));
  run.report(figure(`${name}.p99-of-worst-round`, "ms", Math.max(...rounds.map(({ ours }) => ours.p99))));
  run.report(compare(`${name}.max`, "ms", ...middle(({ max }) => max)));
}

let changes = 0;

async function measureRound({ readers, change }: Subject, size: Size): Promise<Round> {
  const samples: number[] = [];
  for (let i = 0; i < size.changesPerRound; i++) {
    changes += 1;
    const text = `change-${String(changes).padStart(6, "0")}`;
    samples.push(...(await readers.timeChange(text, () => change(text))));
    await sleep(size.pauseMs);
  }
  return roundOf(samples);
}

/** A cluster that is up, readers of its project, and a change of a condition of its Shoot. */
async function openPlatform(run: BenchRun, size: Size, { info }: Slipway): Promise<Subject> {
  const { project, url } = info;
  const token = info.tokens.owner;
  const uuid = await createCluster(url, project, token);
  const change = await shootChanger(run, info.kubeconfig, uuid);
  const readers = await openReaders(run, {
    ...size,
    url,
    token,
    path: `/${ClusterService.typeName}/WatchStatus`,
    request: toBinary(
      ClusterServiceWatchStatusRequestSchema,
      create(ClusterServiceWatchStatusRequestSchema, { project }),
    ),
  });
  return { readers, change };
}

/** Creates a cluster and waits until it is there; its uuid. */
export async function createCluster(url: string, project: string, token: string): Promise<string> {
  const client = createClient(ClusterService, createGrpcTransport({ baseUrl: url }));
  const options = { headers: { authorization: `Bearer ${token}` }, timeoutMs: 60_000 };
  const { cluster } = await client.create({ project, name: "bench" }, options);
  const uuid = cluster?.uuid ?? "";
  for await (const { status } of client.watchStatus({ project, uuid }, options)) {
    if (status?.state === "Succeeded") break;
  }
  return uuid;
}

/** Writes a text into the first condition of a cluster's Shoot, as Gardener would: by a call to the Kubernetes API. */
async function shootChanger(run: BenchRun, kubeconfig: string, uuid: string): Promise<MakeChange> {
  const caller = openCaller({ kubeconfig, log: pino({ level: "silent" }) });
  run.onEnd(() => caller.close());
  const query = { labelSelector: `${keys.cluster}=${uuid}` };
  const { items } = (await caller.call({ method: "GET", path: pathOf(shoots), query }, {})) as { items: Shoot[] };
  const [first, ...others] = items[0]?.status?.conditions ?? [];
  if (items[0] === undefined || first === undefined) throw new Error("the cluster has no Shoot with conditions");
  const { namespace, name } = items[0].metadata;
  const path = pathOf(shoots, namespace, name, "status");
  return (message) => {
    const body = JSON.stringify({ status: { conditions: [{ ...first, message }, ...others] } });
    return caller.call({ method: "PATCH", path, body, contentType: "application/merge-patch+json" }, {});
  };
}

/** A server that writes the same bytes to as many streams, and does nothing else. */
async function openBaseline(run: BenchRun, size: Size, message: () => Buffer): Promise<Subject> {
  const { ready: port } = await startProgram<number>(run, "fan-out-server.ts");
  const url = `http://127.0.0.1:${port}`;
  const control = openGrpc(url);
  run.onEnd(() => control.close());
  const readers = await openReaders(run, { ...size, url, path: "/watch", request: new Uint8Array() });
  return {
    readers,
    change: (text) => {
      const bytes = Buffer.from(message());
      const at = bytes.indexOf("change-");
      if (at === -1) throw new Error("there is no message to repeat yet");
      bytes.write(text, at);
      return control.unary("/change", bytes);
    },
  };
}
