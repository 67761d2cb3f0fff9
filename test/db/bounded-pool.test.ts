import { Code, type ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { sql } from "drizzle-orm";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ClusterService } from "../../gen/ts/api/v1/cluster_pb.js";

import { type RunningApi, serveApi, urlOf } from "../../src/commands/api.js";
import { loadConfig } from "../../src/config.js";
import { type DatabaseServer, openPostgres } from "../../src/db/database.js";
import { databaseError } from "../../src/db/errors.js";
import { type OpenPlatform, openPlatform } from "../../src/process.js";
import { RetryInfoSchema } from "../../src/rpc/error-details.js";
import { needsPostgres, postgresUrl } from "../support/database.js";
import { as, startPlatform, type TestPlatform } from "../support/platform.js";

const poolSize = 2;
const poolQueue = 20;
const settled = Symbol("not yet");

const lines: Record<string, unknown>[] = [];
const log = pino({ level: "warn" }, { write: (line: string) => void lines.push(JSON.parse(line)) });

const open = (url: string, queue: number) =>
  openPostgres({
    url,
    poolSize,
    poolQueue: queue,
    applicationName: "slipway bounded",
    connectTimeoutMs: 30_000,
    statementTimeoutMs: 10_000,
    log,
  });

/** Takes all connections of a pool; answers how to give them back. */
async function hold({ pool }: DatabaseServer): Promise<() => void> {
  const held = await Promise.all(Array.from({ length: poolSize }, () => pool.connect()));
  return () => {
    for (const client of held) client.release();
  };
}

/** What has become of work so far: its value, its error, or nothing. */
async function soFar(work: Promise<unknown>): Promise<unknown> {
  return Promise.race([
    work.catch((error: unknown) => error),
    new Promise((resolve) => setImmediate(resolve, settled)),
  ]);
}

describe.skipIf(postgresUrl === undefined)(`a full pool (${needsPostgres})`, () => {
  let platform: TestPlatform;
  let server: DatabaseServer;
  let second: OpenPlatform;
  let api: RunningApi;
  beforeAll(async () => {
    platform = await startPlatform({ background: false });
    server = open(platform.database.url!, poolQueue);
    const config = { ...platform.config, listen: { host: "127.0.0.1", port: 0 } };
    const { kubeconfig } = platform.kube;
    second = await openPlatform({ ...config, server, log, issuer: () => platform.url, kubeconfig });
    api = await serveApi(second, server, config, config.listen);
  });
  afterAll(async () => {
    await api?.stop();
    await second?.close();
    await server?.close();
    await platform?.close();
  });

  const client = () => createClient(ClusterService, createGrpcTransport({ baseUrl: urlOf(api.address, false) }));

  test("lets as many calls wait as may, and refuses the others at once with the time to try again", async () => {
    const { project, tokens } = platform;
    const { list } = client();
    const call = () => list({ project }, as(tokens.owner));
    await call();
    const release = await hold(server);
    const refusals: ConnectError[] = [];
    const calls = Array.from({ length: 3 * poolQueue }, () =>
      call().catch((error: ConnectError) => void refusals.push(error)),
    );
    try {
      // None of those who wait can be answered yet; the ping of the server may be one of them.
      await expect.poll(() => refusals.length).toBeGreaterThanOrEqual(2 * poolQueue);
    } finally {
      release();
    }
    const answers = await Promise.all(calls);
    expect(refusals.length).toBeLessThanOrEqual(2 * poolQueue + 2);
    expect(answers.filter((answer) => answer !== undefined)).toHaveLength(3 * poolQueue - refusals.length);
    for (const refusal of refusals) {
      expect(refusal.code).toBe(Code.ResourceExhausted);
      expect(refusal.rawMessage).toBe(
        "too many calls wait for the database; try again in a second, with fewer calls at once",
      );
      expect(refusal.findDetails(RetryInfoSchema)).toMatchObject([{ retryDelay: { seconds: 1n } }]);
    }
    const told = lines.filter(({ msg }) => msg === "calls are refused: too many wait for the database");
    expect(told).toMatchObject([{ hint: expect.stringContaining("SLIPWAY_DATABASE_POOL_QUEUE") }]);
    await call();
  });

  test("never refuses the work of the process itself, which gets its turn among those who wait", async () => {
    const release = await hold(server);
    // Drizzle sends a query when somebody wants its answer.
    const callers = Array.from({ length: poolQueue }, () => server.db.execute(sql`select 1`).then(({ rows }) => rows));
    const own = server.patient.execute<{ one: number }>(sql`select 1 as one`).then(({ rows }) => rows);
    const refused = server.db.execute(sql`select 1`).catch(databaseError);
    try {
      expect(await refused).toMatchObject({ kind: "exhausted", retryAfterMs: 1_000 });
      expect(databaseError(await soFar(server.db.transaction(async () => {})))).toMatchObject({ kind: "exhausted" });
      expect(await soFar(own)).toBe(settled);
    } finally {
      release();
    }
    expect(await own).toEqual([{ one: 1 }]);
    expect(await Promise.all(callers)).toHaveLength(poolQueue);
  });

  test("without a limit lets everybody wait", async () => {
    const unlimited = open(platform.database.url!, 0);
    const release = await hold(unlimited);
    const callers = Array.from({ length: 50 }, () => unlimited.db.execute(sql`select 1`).then(({ rows }) => rows));
    release();
    expect(await Promise.all(callers)).toHaveLength(50);
    await unlimited.close();
  });
});

test("the limit is a setting, of 1000 unless told", () => {
  expect(loadConfig({}).databasePoolQueue).toBe(1_000);
  expect(loadConfig({ SLIPWAY_DATABASE_POOL_QUEUE: "5" }).databasePoolQueue).toBe(5);
  expect(() => loadConfig({ SLIPWAY_DATABASE_POOL_QUEUE: "-1" })).toThrow("SLIPWAY_DATABASE_POOL_QUEUE");
});
