import { randomBytes } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import { drizzle } from "drizzle-orm/node-postgres";
import type pg from "pg";
import { pino } from "pino";
import { ClusterService, ClusterServiceCreateRequestSchema } from "../gen/ts/api/v1/cluster_pb.js";
import { createApp } from "../src/app.js";
import { loadConfig } from "../src/config.js";
import type { Database } from "../src/db/database.js";
import { migrate } from "../src/db/migrate.js";
import { startEmbeddedKube } from "../src/kube/embedded/server.js";
import type { Platform } from "../src/platform.js";
import { type OpenPlatform, openPlatform } from "../src/process.js";
import { ensurePersonalTenant } from "../src/resources/api/tenant/personal.js";
import { issueToken } from "../src/resources/api/token/issue.js";
import { createLifecycle } from "../src/rpc/drain.js";
import { listen } from "../src/rpc/listen.js";
import { openServer } from "./auth.js";
import { type GrpcConnection, openGrpc } from "./grpc.js";
import { type BenchRun, compare, median } from "./measure.js";
import { databasesOf } from "./processes.js";

const path = `/${ClusterService.typeName}/Create`;
const user = "bench";
const log = pino({ level: "silent" });

/**
 * ClusterService.Create with its audit records, beside the same server whose records are written nowhere:
 * one call at a time, and on PostgreSQL also 200 at once, on a pool of 5 connections.
 */
export async function audit(run: BenchRun): Promise<void> {
  for (const { name, open } of databasesOf(run)) {
    const opened = await openSlipway(run, await open());
    const { project, token } = await ownerOf(opened.platform);
    const nowhere: Database = drizzle({ client: { query: async () => ({ rows: [] }) } as unknown as pg.Pool });
    const connect = async (auditDb: Database) =>
      openGrpc(await serve(run, { ...opened, platform: { ...opened.platform, auditDb } }), token);
    const ours = await connect(opened.platform.auditDb);
    const baseline = await connect(nowhere);
    run.onEnd(() => {
      ours.close();
      baseline.close();
    });
    await compareCalls(run, `audit.create.${name}`, run.short ? 5 : 500, 1, { ours, baseline, project });
    // The embedded database works off one statement after the other, whoever waits.
    if (name !== "postgres") continue;
    await compareCalls(run, `audit.create-200-at-once.${name}`, run.short ? 1 : 5, 200, { ours, baseline, project });
  }
}

interface Servers {
  readonly ours: GrpcConnection;
  readonly baseline: GrpcConnection;
  readonly project: string;
}

/** The median time of a call, of so many at once in each round; the two servers take turns. */
async function compareCalls(run: BenchRun, name: string, rounds: number, atOnce: number, servers: Servers) {
  const round = (connection: GrpcConnection) =>
    Promise.all(Array.from({ length: atOnce }, () => createCluster(connection, servers.project)));
  const samples: { ours: number[]; baseline: number[] } = { ours: [], baseline: [] };
  const warmUp = Math.ceil(rounds / 5);
  for (let i = -warmUp; i < rounds; i += 1) {
    const [mine, its] = [await round(servers.ours), await round(servers.baseline)];
    if (i < 0) continue;
    samples.ours.push(...mine);
    samples.baseline.push(...its);
  }
  run.report(compare(name, "ms", median(samples.ours), median(samples.baseline)));
}

/** Orders a cluster; answers how long it took, in ms. */
async function createCluster(connection: GrpcConnection, project: string): Promise<number> {
  const name = `c${randomBytes(5).toString("hex")}`;
  const request = create(ClusterServiceCreateRequestSchema, { project, name });
  const began = performance.now();
  await connection.unary(path, toBinary(ClusterServiceCreateRequestSchema, request));
  return performance.now() - began;
}

/** A platform without a worker: clusters are ordered and nobody makes them. */
async function openSlipway(run: BenchRun, url: string | undefined): Promise<OpenPlatform> {
  const server = await openServer(run, url);
  await migrate(server, log);
  const kube = await startEmbeddedKube();
  run.onEnd(() => kube.close());
  const config = loadConfig({ SLIPWAY_KEYRING: `bench:${randomBytes(32).toString("base64")}` });
  const issuer = () => "https://bench.example";
  const opened = await openPlatform({ ...config, server, log, issuer, kubeconfig: kube.adminKubeconfig });
  run.onEnd(() => opened.close());
  return opened;
}

async function ownerOf({ db, tokens, clock, newId }: Platform): Promise<{ project: string; token: string }> {
  const project = await ensurePersonalTenant(db, user, { now: clock(), newId, admitted: true });
  const all = { "*": "owner" } as const;
  const order = { id: newId(), owner: user, type: "api", description: "bench", permissions: {} } as const;
  const grants = { projectRoles: all, tenantRoles: all, adminRole: null };
  const { secret } = await issueToken(db, tokens, { ...order, ...grants, now: clock(), seconds: 3_600 });
  return { project, token: secret };
}

/** Serves the platform on a free port; answers its URL. */
async function serve(run: BenchRun, { platform, principals }: OpenPlatform): Promise<string> {
  const limits = { SLIPWAY_RATE_LIMIT: "0", SLIPWAY_TOKEN_RATE_LIMIT: "0" };
  const lifecycle = createLifecycle();
  const app = createApp(platform, principals, loadConfig(limits), lifecycle);
  const listener = await listen(app.handler, { host: "127.0.0.1", port: 0 });
  run.onEnd(async () => {
    await lifecycle.drain(listener, { graceMs: 1_000 });
    await app.close();
  });
  return `http://127.0.0.1:${listener.port}`;
}
