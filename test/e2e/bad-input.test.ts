import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ClusterService as AdminClusterService } from "../../gen/ts/admin/v1/cluster_pb.js";
import { ClusterService } from "../../gen/ts/api/v1/cluster_pb.js";
import { ProjectService } from "../../gen/ts/api/v1/project_pb.js";
import { TenantService } from "../../gen/ts/api/v1/tenant_pb.js";
import { TokenService } from "../../gen/ts/api/v1/token_pb.js";
import { clustersOf, newName } from "../resources/support/clusters.js";
import { expectUnharmed, postTo } from "../resources/support/raw.js";
import { codeOf, refusal } from "../resources/support/refusals.js";
import { as, startPlatform, type TestPlatform } from "../support/platform.js";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
});
afterAll(async () => {
  await expectUnharmed(platform);
  await platform.close();
});

const owner = () => as(platform.tokens.owner);
const admin = () => as(platform.adminToken);

const post = (path: string, type: string, body: string | Uint8Array) =>
  postTo(platform, path, type, body, platform.tokens.owner);

describe("requests that are none", () => {
  const path = "/api.v1.ClusterService/Create";

  it.each([
    ["no JSON", "application/json", "{", 400, "invalid_argument"],
    ["a JSON array", "application/json", "[]", 400, "invalid_argument"],
    ["JSON of the wrong types", "application/json", '{"name":{"first":"a"}}', 400, "invalid_argument"],
    ["a lone surrogate", "application/json", '{"name":"a\\ud800","project":"abc"}', 400, "invalid_argument"],
    ["no UTF-8", "application/proto", new Uint8Array([0x12, 2, 0xc3, 0x28]), 400, "invalid_argument"],
    ["a cut message", "application/proto", new Uint8Array([0x12, 0x7f, 0x61]), 400, "invalid_argument"],
    ["a number of 11 bytes", "application/proto", new Uint8Array(11).fill(0xff), 400, "invalid_argument"],
    ["a content type that there is not", "text/plain", "name=abc", 415, ""],
    ["a form", "application/x-www-form-urlencoded", "name=abc", 415, ""],
  ])("%s", async (_, type, body, status, code) => {
    const answer = await post(path, type, body);
    expect([answer.status, answer.code]).toEqual([status, code]);
  });

  it("an enum value that there is not", async () => {
    const body = `{"project":"${platform.project}","uuid":"${platform.project}","operate":"EXPLODE"}`;
    const answer = await post("/api.v1.ClusterService/Operate", "application/json", body);
    expect([answer.status, answer.code]).toEqual([400, "invalid_argument"]);
  });

  it("JSON with a field that nobody knows is taken for what it says otherwise, or refused by name", async () => {
    const answer = await post(
      path,
      "application/json",
      `{"project":"${platform.project}","name":"${newName()}","colour":"red"}`,
    );
    if (answer.status !== 200) expect(answer).toMatchObject({ status: 400, text: expect.stringContaining("colour") });
  });

  it.each([
    "/api.v1.ClusterService/Explode",
    "/api.v1.NoService/Get",
    "/api.v1.ClusterService/",
    "/%00",
    "/..%2f..%2fetc/passwd",
  ])("the path %s", async (unknown) => {
    expect((await post(unknown, "application/json", "{}")).status).toBe(404);
  });

  it("a message of 5 MB", async () => {
    const name = "x".repeat(5 * 1024 * 1024);
    expect(await codeOf(clustersOf(platform).create({ name }))).toBe("ResourceExhausted");
    expect((await post(path, "application/json", JSON.stringify({ name }))).code).toBe("resource_exhausted");
  });

  it("a token of 12 KB", async () => {
    const headers = { authorization: `Bearer ${"x".repeat(12_000)}` };
    const list = platform.client(ClusterService).list({ project: platform.project }, { headers });
    expect(await codeOf(list)).toBe("Unauthenticated");
  });
});

describe("texts", () => {
  const nul = "a\u0000b";
  const tokens = () => platform.client(TokenService);
  const version = "/api.v1.VersionService/Get";

  it.each<[string, () => Promise<unknown>, string]>([
    ["a token's description", () => tokens().create({ description: nul }, owner()), "description"],
    [
      "a permission's subject",
      () => tokens().create({ description: "abc", permissions: [{ subject: nul, methods: [version] }] }, owner()),
      "permissions[0].subject",
    ],
    [
      "a method",
      () => tokens().create({ description: "abc", permissions: [{ subject: "*", methods: [nul] }] }, owner()),
      "permissions[0].methods[0]",
    ],
    [
      "a role's subject",
      () => tokens().create({ description: "abc", projectRoles: { [nul]: 1 } }, owner()),
      "project_roles",
    ],
    [
      "a project's description",
      () => platform.client(ProjectService).create({ login: platform.tenant, name: "abc", description: nul }, owner()),
      "description",
    ],
    ["a filter of projects", () => platform.client(ProjectService).list({ name: nul }, owner()), "name"],
    ["a filter of tenants", () => platform.client(TenantService).list({ name: nul }, owner()), "name"],
    ["a tenant", () => platform.client(TenantService).get({ login: nul }, admin()), "login"],
    ["a filter of clusters", () => platform.client(AdminClusterService).list({ seed: nul }, admin()), "seed"],
    ["a label's name", () => platform.client(AdminClusterService).list({ labels: { [nul]: "a" } }, admin()), "labels"],
    ["a label's value", () => platform.client(AdminClusterService).list({ labels: { a: nul } }, admin()), "labels"],
    ["a cluster's name", () => clustersOf(platform).create({ name: nul }), "name"],
  ])("U+0000 in %s", async (_, call, field) => {
    const refused = await refusal(call());
    expect(refused.code).toBe("InvalidArgument");
    expect(new Set(refused.fields)).toEqual(new Set([field]));
  });

  it.each([
    "'",
    "'; drop table clusters; --",
    "%",
    "_",
    "\\",
    "$1",
    "\u202e",
    "🦩",
    "é\u0301",
    "#{project}",
    "{{7*7}}",
  ])("%j is a text like any other", async (text) => {
    const description = `a${text}b`;
    const { token } = await tokens().create({ description }, owner());
    expect((await tokens().get({ uuid: token?.uuid ?? "" }, owner())).token?.description).toBe(description);
    const filter = { name: text, seed: text, purpose: text, labels: { [text]: text } };
    expect((await platform.client(AdminClusterService).list(filter, admin())).clusters).toEqual([]);
  });

  it("very long labels match nothing", async () => {
    const labels = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`${i}`.repeat(5_000), "x".repeat(1_000)]));
    expect((await platform.client(AdminClusterService).list({ labels }, admin())).clusters).toEqual([]);
  });
});

describe("uuids", () => {
  it.each([
    "",
    "x",
    "0195c0de00007000800000000000000c",
    "{0195c0de-0000-7000-8000-00000000000c}",
    "urn:uuid:0195c0de-0000-7000-8000-00000000000c",
    "0195c0de-0000-7000-8000-00000000000c ",
    "0195c0de-0000-7000-8000-00000000000g",
    "../../etc/passwd",
  ])("%j is none", async (uuid) => {
    const client = platform.client(ClusterService);
    const { project } = platform;
    for (const call of [client.get({ project, uuid }, owner()), client.delete({ project, uuid }, owner())]) {
      expect(await refusal(call)).toMatchObject({ code: "InvalidArgument", fields: ["uuid"] });
    }
    const watch = client.watchStatus({ project, uuid }, owner())[Symbol.asyncIterator]().next();
    expect(await refusal(watch)).toMatchObject({ code: "InvalidArgument", fields: ["uuid"] });
    expect(await codeOf(platform.client(TokenService).revoke({ uuid }, owner()))).toBe("InvalidArgument");
  });

  it("in capitals are the same", async () => {
    const { uuid } = await clustersOf(platform).create();
    expect((await clustersOf(platform).get(uuid.toUpperCase())).uuid).toBe(uuid);
  });

  it("of zeroes and of all ones are nobody's", async () => {
    for (const digit of ["0", "f"]) {
      const uuid = [8, 4, 4, 4, 12].map((length) => digit.repeat(length)).join("-");
      expect(await codeOf(clustersOf(platform).get(uuid))).toBe("NotFound");
      expect(await codeOf(platform.client(TokenService).get({ uuid }, owner()))).toBe("NotFound");
    }
  });
});

describe("numbers, times and durations", () => {
  const window = (begin: object, duration = { seconds: 3_600n }) => ({
    maintenance: { timeWindow: { begin, duration } },
  });
  const most = 2n ** 63n - 1n;

  it.each([
    ["a time before the year 1", window({ seconds: -62_135_596_801n }), "maintenance.time_window.begin"],
    ["a time after 9999", window({ seconds: 253_402_300_800n }), "maintenance.time_window.begin"],
    ["the largest time", window({ seconds: most, nanos: 2 ** 31 - 1 }), "maintenance.time_window.begin"],
    ["the smallest time", window({ seconds: -most - 1n, nanos: -(2 ** 31) }), "maintenance.time_window.begin"],
    [
      "nanos beyond a second",
      window({ seconds: 253_402_300_799n, nanos: 2_000_000_000 }),
      "maintenance.time_window.begin",
    ],
    ["nanos below 0", window({ seconds: -62_135_596_800n, nanos: -1_000_000 }), "maintenance.time_window.begin"],
    ["the largest duration", window({}, { seconds: most }), "maintenance.time_window.duration"],
    ["the smallest duration", window({}, { seconds: -most - 1n }), "maintenance.time_window.duration"],
    [
      "the most workers",
      { workers: [{ name: "abc", machineType: "n1-medium-x86", minsize: 1, maxsize: 2 ** 32 - 1 }] },
      "workers[0].maxsize",
    ],
    ["a long version", { kubernetes: { version: "1.33.5".padEnd(100_000, "0") } }, "kubernetes.version"],
  ])("%s", async (_, order, field) => {
    const refused = await refusal(clustersOf(platform).create(order));
    expect(refused.code).toBe("InvalidArgument");
    expect(new Set(refused.fields)).toEqual(new Set([field]));
  });

  it("the edges of what a time can be are taken", async () => {
    for (const seconds of [-62_135_596_800n, -1n, 0n, 253_402_300_799n]) {
      const order = window({ seconds, nanos: 999_999_999 });
      const { uuid, maintenance } = await clustersOf(platform).create(order);
      // What the answer says is what is stored, and of old dates the time of day.
      expect((await clustersOf(platform).get(uuid)).maintenance).toEqual(maintenance);
      const told = maintenance?.timeWindow?.begin?.seconds ?? -1n;
      expect((((told - seconds) % 86_400n) + 86_400n) % 86_400n).toBe(0n);
    }
  });
});

describe("10,000 worker groups", () => {
  const transports = () => [
    createGrpcTransport({ baseUrl: platform.url }),
    createGrpcWebTransport({ baseUrl: platform.url, httpVersion: "1.1" }),
    createConnectTransport({ baseUrl: platform.url, httpVersion: "1.1" }),
    createConnectTransport({ baseUrl: platform.url, httpVersion: "2" }),
  ];

  it.each([
    ["good ones", (i: number) => ({ name: `g${i}`, machineType: "n1-medium-x86", minsize: 1, maxsize: 1 })],
    ["wrong ones", () => ({ name: "G_", machineType: "abacus", minsize: 9, maxsize: 1 })],
  ])("%s are refused in words that every transport can carry", async (_, group) => {
    const workers = Array.from({ length: 10_000 }, (_, i) => group(i));
    for (const transport of transports()) {
      const create = platform
        .client(ClusterService, transport)
        .create({ project: platform.project, name: "many", workers }, owner());
      const refused = await refusal(create);
      expect(refused.code).toBe("InvalidArgument");
      expect(refused.fields).toContain("workers");
      expect(refused.message.length).toBeLessThan(4_000);
    }
  });
});
