// Unary calls through the whole chain, answered from memory, beside servers that have none.
import { join } from "node:path";
import { create, equals, fromBinary, fromJsonString, toBinary, toJsonString } from "@bufbuild/protobuf";
import { v7 as uuidv7 } from "uuid";
import {
  ClusterService,
  ClusterServiceGetRequestSchema,
  type ClusterServiceGetResponse,
  ClusterServiceGetResponseSchema,
} from "../gen/ts/api/v1/cluster_pb.js";
import type { Target } from "./call.js";
import { clusterOf } from "./cluster-message.js";
import { openLoad } from "./load.js";
import type { BenchRun, Goal } from "./measure.js";
import { scratchDatabase, scratchFolder } from "./processes.js";
import { type Contender, race } from "./race.js";
import { type Server, startServer } from "./servers.js";

const path = `/${ClusterService.typeName}/${ClusterService.method.get.name}`;

/** gRPC, beside @grpc/grpc-js; the goal is for what its users have, messages of @grpc/proto-loader. */
export async function unaryGrpcVsGrpcjs(run: BenchRun): Promise<void> {
  const ours = await startFullChain(run);
  for (const [messages, suffix] of [
    ["proto-loader", ""],
    ["protobuf-es", ".protobuf-es"],
  ] as const) {
    const baseline = await startServer<number>(run, "baselines/grpcjs", { answer: ours.answer, messages });
    const its = { pid: baseline.pid, url: urlOf(baseline.ready) };
    const goal = suffix === "" ? { atLeast: 1 } : {};
    await raceOn(run, `unary-grpc-vs-grpcjs${suffix}`, ours, its, { protocol: "grpc", http: 2 }, goal);
    await baseline.stop();
  }
}

/** gRPC, beside node:http2 with protobuf-es. */
export async function unaryGrpcVsRawHttp2(run: BenchRun): Promise<void> {
  const ours = await startFullChain(run);
  const baseline = await startServer<number>(run, "baselines/raw-http2", { answer: ours.answer });
  const its = { pid: baseline.pid, url: urlOf(baseline.ready) };
  await raceOn(run, "unary-grpc-vs-raw-http2", ours, its, { protocol: "grpc", http: 2 }, { atLeast: 0.6 });
}

/** Connect, beside connect-node; the goal is for the binary format over HTTP/1.1. */
export async function unaryConnectVsConnectNode(run: BenchRun): Promise<void> {
  const ours = await startFullChain(run);
  const { pid, ready: ports } = await startServer<{ http1: number; http2: number }>(run, "baselines/connect-node", {
    answer: ours.answer,
  });
  const versions = [
    { name: "h1", http: 1, port: ports.http1, atLeast: 1.8 },
    { name: "h2", http: 2, port: ports.http2, atLeast: undefined },
  ] as const;
  for (const { name, http, port, atLeast } of versions) {
    for (const protocol of ["connect-binary", "connect-json"] as const) {
      const isGoal = atLeast !== undefined && protocol === "connect-binary";
      const measure = `unary-connect-${name}-vs-connect-node${protocol === "connect-json" ? ".json" : ""}`;
      await raceOn(run, measure, ours, { pid, url: urlOf(port) }, { protocol, http }, isGoal ? { atLeast } : {});
    }
  }
}

interface FullChain {
  readonly pid: number;
  readonly url: string;
  readonly token: string;
  readonly project: string;
  readonly uuid: string;
  /** What every server answers, in the binary format and base64. */
  readonly answer: string;
}

async function startFullChain(run: BenchRun): Promise<FullChain> {
  const uuid = uuidv7();
  const { databaseUrl } = run;
  const encoded = (project: string) =>
    Buffer.from(
      toBinary(
        ClusterServiceGetResponseSchema,
        create(ClusterServiceGetResponseSchema, { cluster: clusterOf(project, uuid) }),
      ),
    ).toString("base64");
  const { pid, ready }: Server<{ port: number; token: string; project: string }> = await startServer(
    run,
    "servers/full-chain",
    {
      dataDir: join(await scratchFolder(run), "data"),
      ...(databaseUrl === undefined ? {} : { databaseUrl: await scratchDatabase(run, databaseUrl) }),
      answer: encoded(""),
    },
  );
  const { port, token, project } = ready;
  return { pid, url: urlOf(port), token, project, uuid, answer: encoded(project) };
}

/** Makes the same call at both, in turns; their answers must say the same. */
async function raceOn(
  run: BenchRun,
  name: string,
  ours: FullChain,
  baseline: { readonly pid: number; readonly url: string },
  how: Pick<Target, "protocol" | "http">,
  goal: Goal,
): Promise<void> {
  const request = create(ClusterServiceGetRequestSchema, { project: ours.project, uuid: ours.uuid });
  const message =
    how.protocol === "connect-json"
      ? Buffer.from(toJsonString(ClusterServiceGetRequestSchema, request))
      : toBinary(ClusterServiceGetRequestSchema, request);
  const wanted = fromBinary(ClusterServiceGetResponseSchema, Buffer.from(ours.answer, "base64"));
  const open = async (pid: number, url: string, token?: string): Promise<Contender> => {
    const { answer, load } = await openLoad(run, { url, path, message, token, ...how });
    if (!equals(ClusterServiceGetResponseSchema, decoded(how.protocol, answer), wanted)) {
      throw new Error(`${name}: ${url} answers something else`);
    }
    return { pid, load };
  };
  await race(run, name, await open(ours.pid, ours.url, ours.token), await open(baseline.pid, baseline.url), goal);
}

function decoded(protocol: Target["protocol"], body: Buffer): ClusterServiceGetResponse {
  if (protocol === "connect-json") return fromJsonString(ClusterServiceGetResponseSchema, body.toString());
  return fromBinary(ClusterServiceGetResponseSchema, protocol === "grpc" ? body.subarray(5) : body);
}

const urlOf = (port: number): string => `http://127.0.0.1:${port}`;
