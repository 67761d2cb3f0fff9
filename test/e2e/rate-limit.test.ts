import { randomUUID } from "node:crypto";
import type { CallOptions } from "@connectrpc/connect";
import { and, eq } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ClusterService } from "../../gen/ts/api/v1/cluster_pb.js";
import { pause } from "../../src/pause.js";
import { auditEntries } from "../../src/resources/api/audit/table.js";
import { codeOf } from "../resources/support/refusals.js";
import { as, startPlatform, type TestPlatform } from "../support/platform.js";

const limit = 5;
const tokenLimit = 20;

let platform: TestPlatform;
let suiteBegan = 0;
/** How often a bucket may have filled up since then. */
const windowsSince = (began: number): number => Math.ceil((Date.now() - began) / 1000) + 1;
beforeAll(async () => {
  suiteBegan = Date.now();
  const env = { SLIPWAY_RATE_LIMIT: String(limit), SLIPWAY_TOKEN_RATE_LIMIT: String(tokenLimit) };
  platform = await startPlatform({ background: false, env });
});
afterAll(() => platform.close());

const path = "/api.v1.ClusterService/Create";

function post(type: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(platform.url + path, {
    method: "POST",
    headers: { "content-type": type, ...headers },
    body: body as string,
  });
}

const unread = () => platform.lines.filter(({ err }) => err === "refused before it was decoded").length;
const rowsOf = (code: number) =>
  platform.platform.db
    .select({ id: auditEntries.id })
    .from(auditEntries)
    .where(and(eq(auditEntries.method, path), eq(auditEntries.code, code)));

/** Waits until all that was recorded so far is written: entries are written in turn, and an allowed call's is the last. */
async function settled(): Promise<void> {
  const recorded = async () => {
    const request = randomUUID();
    await codeOf(platform.client(ClusterService).create({}, { headers: { "x-request-id": request } }));
    await pause(200);
    return platform.platform.db.select().from(auditEntries).where(eq(auditEntries.requestId, request));
  };
  await expect.poll(async () => (await recorded()).length, { timeout: 15_000, interval: 1_100 }).toBe(1);
}

const list = (options: CallOptions = {}) =>
  codeOf(platform.client(ClusterService).list({ project: platform.project }, options));
/** Waits until the bucket of the address has something again. */
const allowed = () => expect.poll(() => list(), { timeout: 10_000, interval: 1_100 }).toBe("Unauthenticated");

describe("calls that cannot be decoded", () => {
  beforeEach(() => allowed());

  it.each<[string, string, string | Uint8Array]>([
    ["bad JSON", "application/json", "{"],
    ["bad binary", "application/proto", new Uint8Array([0xff, 0xff])],
    ["bad gRPC-Web", "application/grpc-web+proto", new Uint8Array([0, 0, 0, 0, 1, 0xff])],
  ])("count against the limit: beyond it %s leaves no records", async (_, type, body) => {
    const calls = 150;
    const [linesBefore, rowsBefore] = [unread(), (await rowsOf(3)).length];
    const began = Date.now();
    await Promise.all(Array.from({ length: calls }, () => post(type, body)));
    await expect.poll(unread, { timeout: 10_000 }).toBe(linesBefore + calls);
    const windows = windowsSince(began);
    await settled();
    const rows = (await rowsOf(3)).length - rowsBefore;
    expect(rows).toBeGreaterThan(0);
    expect(rows).toBeLessThanOrEqual((limit + 1) * windows);
  });

  it("use up the calls of their address that can be, but not those of a token that has held", async () => {
    const { viewer, editor } = platform.tokens;
    await expect.poll(() => list(as(viewer)), { timeout: 10_000 }).toBe("OK");
    const flooded = async () => {
      await Promise.all(Array.from({ length: 2 * limit }, () => post("application/json", "{")));
      // At once: the bucket fills while they wait for each other.
      return await Promise.all([list(), list(as(editor)), list(as(viewer))]);
    };
    await expect.poll(flooded, { timeout: 30_000 }).toEqual(["ResourceExhausted", "ResourceExhausted", "OK"]);
    await expect.poll(() => list(as(editor)), { timeout: 10_000 }).toBe("OK");
  });
});

describe("calls that can be decoded", () => {
  beforeEach(() => allowed());

  it("leave one record for each window beyond the limit", async () => {
    const calls = 150;
    const refused = () =>
      platform.lines.filter(({ code, rpc }) => rpc === path && code === "resource_exhausted").length;
    const [refusedBefore, rowsBefore] = [refused(), (await rowsOf(16)).length];
    const began = Date.now();
    await Promise.all(Array.from({ length: calls }, () => post("application/json", "{}")));
    const windows = windowsSince(began);
    await expect
      .poll(() => refused() - refusedBefore, { timeout: 10_000 })
      .toBeGreaterThan(calls - limit * windows - 1);
    await settled();
    // Anonymous calls within the limit are UNAUTHENTICATED, and recorded as that.
    expect((await rowsOf(16)).length).toBeGreaterThan(rowsBefore);
    const tooMany = (await rowsOf(8)).length;
    expect(tooMany).toBeGreaterThan(0);
    expect(tooMany).toBeLessThanOrEqual(windowsSince(suiteBegan));
  });
});

describe("plain HTTP requests", () => {
  beforeEach(() => allowed());

  it("count for their address, and are told when to come again", async () => {
    const get = () => fetch(`${platform.url}/.well-known/jwks.json`);
    await expect.poll(async () => (await get()).status, { timeout: 10_000 }).toBe(200);
    const flood = await Promise.all(Array.from({ length: 100 }, get));
    expect(new Set(flood.map(({ status }) => status))).toContain(429);
    const refused = flood.filter(({ status }) => status === 429);
    expect(new Set(refused.map(({ headers }) => headers.get("retry-after")))).toEqual(new Set(["1"]));
    expect((await fetch(`${platform.url}/livez`)).status).toBe(200);
  });
});

describe("calls with a token", () => {
  beforeEach(() => allowed());

  it("are limited for each token, whatever its neighbours do", async () => {
    const neighbour = await platform.newTenant();
    const { viewer, editor } = platform.tokens;
    const theirs = () =>
      codeOf(platform.client(ClusterService).list({ project: neighbour.project }, as(neighbour.tokens.viewer)));
    for (const known of [() => list(as(viewer)), theirs]) await expect.poll(known, { timeout: 10_000 }).toBe("OK");
    const began = Date.now();
    const codes = await Promise.all(Array.from({ length: 200 }, () => list(as(viewer))));
    const most = tokenLimit * windowsSince(began);
    expect(new Set(codes)).toEqual(new Set(["OK", "ResourceExhausted"]));
    expect(codes.filter((code) => code === "OK").length).toBeLessThanOrEqual(most);
    expect(await theirs()).toBe("OK");
    await expect.poll(() => list(as(editor)), { timeout: 10_000 }).toBe("OK");
    await expect.poll(() => list(as(viewer)), { timeout: 10_000 }).toBe("OK");
  });
});
