import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { ClusterService, ClusterServiceGetRequestSchema } from "../gen/ts/api/v1/cluster_pb.js";
import { openGrpc } from "./grpc.js";
import { type BenchRun, compare, median } from "./measure.js";
import { databasesOf, scratchFolder, startProgram, startSlipway } from "./processes.js";
import { createCluster } from "./status-to-reader.js";

const path = `/${ClusterService.typeName}/Get`;
const connections = 4;
const callersPerConnection = 8;

/** Calls one after another from 32 callers, for some milliseconds; calls per second. */
type Load = (ms: number) => Promise<number>;

/** ClusterService.Get through the whole chain, beside connect-node that answers the same message from memory. */
export async function get(run: BenchRun): Promise<void> {
  const roundMs = run.short ? 200 : 3_000;
  const rounds = run.short ? 1 : 5;
  for (const { name, open } of databasesOf(run)) {
    const dataDir = join(await scratchFolder(run), "data");
    const slipway = await startSlipway(run, { dataDir, databaseUrl: await open(), timeScale: 100 });
    const { url, project, tokens } = slipway.info;
    const uuid = await createCluster(url, project, tokens.owner);
    const request = toBinary(ClusterServiceGetRequestSchema, create(ClusterServiceGetRequestSchema, { project, uuid }));
    const one = openGrpc(url, tokens.owner);
    const answer = await one.unary(path, request);
    one.close();
    const bare = await startProgram<number>(run, "bare-connect-server.ts", [answer.toString("base64")]);
    const ours = openLoad(run, url, request, tokens.owner);
    const baseline = openLoad(run, `http://127.0.0.1:${bare.ready}`, request);
    const figures: { ours: number; baseline: number }[] = [];
    await ours(roundMs);
    await baseline(roundMs);
    for (let i = 0; i < rounds; i++) figures.push({ ours: await ours(roundMs), baseline: await baseline(roundMs) });
    const [mine, its] = [median(figures.map((one) => one.ours)), median(figures.map((one) => one.baseline))];
    run.report(compare(`get.${name}`, "calls/s", mine, its));
    await Promise.all([slipway.stop(), bare.stop()]);
  }
}

function openLoad(run: BenchRun, url: string, request: Uint8Array, token?: string): Load {
  const open = Array.from({ length: connections }, () => openGrpc(url, token));
  run.onEnd(() => {
    for (const connection of open) connection.close();
  });
  return async (ms) => {
    const began = performance.now();
    let calls = 0;
    const callers = open.flatMap((connection) =>
      Array.from({ length: callersPerConnection }, async () => {
        while (performance.now() - began < ms) {
          await connection.unary(path, request);
          calls += 1;
        }
      }),
    );
    await Promise.all(callers);
    return calls / ((performance.now() - began) / 1000);
  };
}
