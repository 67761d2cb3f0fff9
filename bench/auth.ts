import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { decodeProtectedHeader, jwtVerify } from "jose";
import { pino } from "pino";
import { v7 as uuidv7 } from "uuid";
import { ClusterService } from "../gen/ts/api/v1/cluster_pb.js";
import { createKeyring } from "../src/auth/keyring.js";
import { createPrincipals, type Principals } from "../src/auth/principals.js";
import { createSigningKeys } from "../src/auth/signing-keys.js";
import { createTokens } from "../src/auth/tokens.js";
import { openChangeFeed } from "../src/changes/feed.js";
import { type DatabaseServer, openPostgres } from "../src/db/database.js";
import { openEmbedded } from "../src/db/embedded.js";
import { migrate } from "../src/db/migrate.js";
import { createMethods } from "../src/methods.js";
import { ensurePersonalTenant } from "../src/resources/api/tenant/personal.js";
import { issueToken } from "../src/resources/api/token/issue.js";
import { tokenStore } from "../src/resources/api/token/store.js";
import { decide } from "../src/rpc/decide.js";
import { policyOf } from "../src/rpc/method-options.js";
import { type BenchRun, compare, figure, median, percentile } from "./measure.js";
import { databasesOf, scratchFolder } from "./processes.js";

const goalMicroseconds = 15;
const goalRevocationMs = 100;
const user = "bench";
const clock = () => new Date();
const log = pino({ level: "silent" });

/**
 * What every call pays to be let in once its caller is known, beside the check of the same token's signature;
 * and how long a revocation takes to reach another server.
 */
export async function auth(run: BenchRun): Promise<void> {
  for (const { name, open } of databasesOf(run)) {
    const server = await openServer(run, await open());
    await migrate(server, log);
    const parts = openParts(server);
    const project = await ensurePersonalTenant(server.db, user, { now: clock(), newId: uuidv7 });
    const principals = await parts.principals(run);
    await measureCached(run, name, parts, principals, project);
    // Two servers need a database that takes two connections at once.
    if (server.kind === "postgres") await measureRevocation(run, name, parts, principals);
  }
}

/** Opens a PostgreSQL with a pool of 5 connections, or the embedded database. */
export async function openServer(run: BenchRun, url: string | undefined): Promise<DatabaseServer> {
  const timeouts = { connectTimeoutMs: 10_000, statementTimeoutMs: 10_000 };
  const server =
    url === undefined
      ? await openEmbedded({ directory: join(await scratchFolder(run), "postgres"), log })
      : openPostgres({ url, poolSize: 5, applicationName: "bench", ...timeouts, log });
  run.onEnd(() => server.close());
  return server;
}

function openParts(server: DatabaseServer) {
  const { db } = server;
  const keyring = createKeyring([{ id: "bench", key: new Uint8Array(randomBytes(32)) }]);
  const keys = createSigningKeys(db, keyring, clock);
  const tokens = createTokens(keys, () => "https://bench.example", clock);
  const all = { "*": "owner" } as const;
  return {
    db,
    keys,
    newToken: () =>
      issueToken(db, tokens, {
        id: uuidv7(),
        owner: user,
        type: "api",
        description: "bench",
        permissions: {},
        projectRoles: all,
        tenantRoles: all,
        adminRole: null,
        now: clock(),
        seconds: 3_600,
      }),
    /** The callers as one server sees them, with a change feed of its own. */
    async principals(run: BenchRun): Promise<Principals> {
      const feed = await openChangeFeed(server, { log, clock, retentionMs: 3_600_000 });
      const rules = createMethods();
      const principals = createPrincipals({ db, feed, tokens, clock, rules, maxFeedSilenceMs: 5_000 });
      run.onEnd(async () => {
        principals.close();
        await feed.close();
      });
      return principals;
    },
  };
}

type Parts = ReturnType<typeof openParts>;

async function measureCached(run: BenchRun, name: string, parts: Parts, principals: Principals, project: string) {
  const { secret } = await parts.newToken();
  const policy = policyOf(ClusterService.method.get);
  const key = await parts.keys.verifier(decodeProtectedHeader(secret).kid ?? "");
  if (key === undefined) throw new Error("the token's key is unknown");
  const ours = async () => {
    const decision = decide(policy, await principals.authenticate(secret), { project });
    if (!decision.allowed) throw new Error(decision.message);
  };
  const baseline = () => jwtVerify(secret, key, { algorithms: ["ES256"] });
  const rounds: { ours: number; baseline: number }[] = [];
  await microseconds(ours, 20_000);
  await microseconds(baseline, 500);
  for (let i = 0; i < (run.short ? 1 : 7); i++) {
    rounds.push({
      ours: await microseconds(ours, run.short ? 1_000 : 50_000),
      baseline: await microseconds(baseline, run.short ? 100 : 1_000),
    });
  }
  const [mine, its] = [median(rounds.map((round) => round.ours)), median(rounds.map((round) => round.baseline))];
  run.report(compare(`auth.cached.${name}`, "µs", mine, its, { below: goalMicroseconds }));
}

/** The time of one call, of so many after each other. */
export async function microseconds(call: () => Promise<unknown>, times: number): Promise<number> {
  const began = performance.now();
  for (let i = 0; i < times; i++) await call();
  return ((performance.now() - began) * 1_000) / times;
}

/** From just before a token is revoked until another server's callers have dropped it. */
async function measureRevocation(run: BenchRun, name: string, parts: Parts, principals: Principals) {
  const samples: number[] = [];
  for (let i = 0; i < (run.short ? 3 : 100); i++) {
    const { row, secret } = await parts.newToken();
    const caller = await principals.authenticate(secret);
    const dropped = new Promise<number>((resolve) => {
      principals.watch(caller, () => resolve(performance.now()));
    });
    const began = performance.now();
    await tokenStore.revoke(parts.db, user, row.id, clock());
    samples.push((await dropped) - began);
    const believed = await Promise.resolve(principals.authenticate(secret)).then(
      () => true,
      () => false,
    );
    if (believed) throw new Error("a revoked token is believed");
  }
  run.report(figure(`auth.revocation.${name}: p50`, "ms", percentile(samples, 0.5)));
  run.report(figure(`auth.revocation.${name}: p99`, "ms", percentile(samples, 0.99), { below: goalRevocationMs }));
}
