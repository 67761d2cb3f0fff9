// Whole gRPC calls of the real `slipway serve` on PostgreSQL, beside pg alone with the same reads and writes.
import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  ClusterService,
  ClusterServiceCreateRequestSchema,
  ClusterServiceGetRequestSchema,
  ClusterServiceGetResponseSchema,
  ClusterServiceListRequestSchema,
  ClusterServiceListResponseSchema,
} from "../gen/ts/api/v1/cluster_pb.js";
import type { Target } from "./call.js";
import { type ClusterDatabase, clusterCount, openClusterDatabase } from "./cluster-database.js";
import { counting, type MakeLoad, openLoad, openVariedLoad } from "./load.js";
import type { BenchRun } from "./measure.js";
import { type Contender, race } from "./race.js";
import { startServe, startServer } from "./servers.js";

/** As many as the platform's pool has unless told: the 32 callers take turns on both sides. */
const baselineConnections = 10;

/** ClusterService.Get. */
export async function getPgVsPg(run: BenchRun): Promise<void> {
  await raceOnPostgres(run, "get-pg-vs-pg", "get", 0.3, async (target, { project, uuid }) => {
    const { answer, load } = await openLoad(run, target("get", ClusterServiceGetRequestSchema, { project, uuid }));
    const { cluster } = fromBinary(ClusterServiceGetResponseSchema, answer.subarray(5));
    if (cluster?.uuid !== uuid) throw new Error(`Get answered ${cluster?.uuid}`);
    return load;
  });
}

/** ClusterService.List of 50 clusters. */
export async function list50PgVsPg(run: BenchRun): Promise<void> {
  await raceOnPostgres(run, "list50-pg-vs-pg", "list", 0.5, async (target, { project }) => {
    const { answer, load } = await openLoad(run, target("list", ClusterServiceListRequestSchema, { project }));
    const { clusters } = fromBinary(ClusterServiceListResponseSchema, answer.subarray(5));
    if (clusters.length !== clusterCount) throw new Error(`List answered ${clusters.length} clusters`);
    return load;
  });
}

/** ClusterService.Create, with its change, its job and its two audit records. */
export async function createPgVsPg(run: BenchRun): Promise<void> {
  await raceOnPostgres(run, "create-pg-vs-pg", "create", 0.9, async (target, { project }) => {
    const counted = "b000000000";
    const request = { project, name: counted };
    return openVariedLoad(run, { ...target("create", ClusterServiceCreateRequestSchema, request), counted });
  });
}

/** A call of the platform, by the name of its method and its request. */
type TargetOf = <Desc extends DescMessage>(
  method: "get" | "list" | "create",
  schema: Desc,
  request: MessageInitShape<Desc>,
) => Target;

async function raceOnPostgres(
  run: BenchRun,
  name: string,
  what: "get" | "list" | "create",
  atLeast: number,
  open: (target: TargetOf, database: ClusterDatabase) => Promise<MakeLoad>,
): Promise<void> {
  if (run.databaseUrl === undefined) {
    console.error(`${name} needs a PostgreSQL server: set DATABASE_URL or TEST_DATABASE_URL`);
    return;
  }
  const database = await openClusterDatabase(run, run.databaseUrl);
  const { env, token } = database;
  const { pid, url } = await startServe(run, env);
  const target: TargetOf = (method, schema, request) => ({
    url,
    path: `/${ClusterService.typeName}/${ClusterService.method[method].name}`,
    protocol: "grpc",
    http: 2,
    message: toBinary(schema, create(schema, request)),
    token,
  });
  const ours = { pid, load: await open(target, database) };
  await race(run, name, ours, await openBaseline(run, what, database), { atLeast });
}

async function openBaseline(run: BenchRun, what: string, database: ClusterDatabase): Promise<Contender> {
  const { copyUrl: databaseUrl, tenant, project, uuid } = database;
  const given = { databaseUrl, connections: baselineConnections, tenant, project, uuid };
  const { pid, ask } = await startServer(run, "baselines/pg", given);
  return { pid, load: counting(run, (calls) => ask<number>({ what, calls })) };
}
