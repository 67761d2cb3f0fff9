import {
  create,
  type DescField,
  type DescMessage,
  type DescMethod,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ClusterService as AdminClusterService } from "../../gen/ts/admin/v1/cluster_pb.js";
import { ClusterService } from "../../gen/ts/api/v1/cluster_pb.js";
import { ProjectService } from "../../gen/ts/api/v1/project_pb.js";
import { TenantService } from "../../gen/ts/api/v1/tenant_pb.js";
import { TokenService } from "../../gen/ts/api/v1/token_pb.js";
import { resources } from "../../src/resources.js";
import { policyOf } from "../../src/rpc/method-options.js";
import { clustersOf, newName } from "../resources/support/clusters.js";
import { codeOf, refusal } from "../resources/support/refusals.js";
import { as, startPlatform, type TestPlatform } from "../support/platform.js";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
});
// Whatever came in, the server is as well as before and has told no secret.
afterAll(async () => {
  expect((await fetch(`${platform.url}/readyz`)).status).toBe(200);
  expect((await clustersOf(platform).create()).status?.state).toBe("Pending");
  // A content type that there is not has no code: its line says "unknown".
  const unread = (err: unknown) => err === "refused before it was decoded";
  const loud = platform.lines.filter(({ level, msg, err }) => msg === "defect" || (level >= 50 && !unread(err)));
  expect(loud).toEqual([]);
  const text = JSON.stringify(platform.lines);
  for (const token of [platform.adminToken, ...Object.values(platform.tokens)]) {
    expect(text).not.toContain(token.split(".")[2]);
  }
  await platform.close();
});

const owner = () => as(platform.tokens.owner);
const admin = () => as(platform.adminToken);

/** A unary call of the Connect protocol as bytes; answers the HTTP status and the error's code. */
async function post(path: string, type: string, body: string | Uint8Array, token = platform.tokens.owner) {
  const headers = { "content-type": type, authorization: `Bearer ${token}` };
  const response = await fetch(platform.url + path, { method: "POST", headers, body: body as never });
  const text = await response.text();
  const code = /"code":\s*"(\w+)"/.exec(text)?.[1] ?? "";
  return { status: response.status, code, text };
}

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

describe("garbage", () => {
  const served = resources
    .filter(({ register }) => register !== undefined)
    .flatMap(({ service }) => service.methods)
    .filter(({ methodKind }) => methodKind === "unary");
  // A token of the tests must not end, and everything else may happen.
  const paths = served.map((method) => policyOf(method).path);
  const bad = ["internal", "unknown", "unavailable", "aborted", "data_loss", "deadline_exceeded"];

  it("of bytes never does more than to be refused", async () => {
    const bytes = fc.uint8Array({ maxLength: 64 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), bytes, fc.boolean(), async (path, body, asAdmin) => {
        const token = asAdmin ? platform.adminToken : platform.tokens.owner;
        const { status, code } = await post(path, "application/proto", body, token);
        expect(bad).not.toContain(code);
        expect(status).not.toBe(500);
      }),
      { numRuns: 150 },
    );
  });

  it("of JSON neither", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), fc.json({ stringUnit: "binary" }), async (path, body) => {
        const { status, code } = await post(path, "application/json", body);
        expect(bad).not.toContain(code);
        expect(status).not.toBe(500);
      }),
      { numRuns: 100 },
    );
  });

  it("in the shape of requests neither", async () => {
    const transport = createGrpcTransport({ baseUrl: platform.url });
    const call = fc.constantFrom(...served).chain((method) => fc.tuple(fc.constant(method), messages(method.input)));
    const codes = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(call, fc.boolean(), async ([method, message], asAdmin) => {
        const headers = { authorization: `Bearer ${asAdmin ? platform.adminToken : platform.tokens.owner}` };
        const code = await codeOf(unary(transport, method, headers, message));
        codes.set(code, (codes.get(code) ?? 0) + 1);
        expect(["Internal", "Unknown", "Unavailable", "DataLoss", "DeadlineExceeded"]).not.toContain(code);
      }),
      { numRuns: 400 },
    );
    // Enough of it came past the checks to reach the handlers.
    expect(codes.get("OK") ?? 0).toBeGreaterThan(10);
    expect(codes.get("InvalidArgument") ?? 0).toBeGreaterThan(10);
  });

  function unary(
    transport: ReturnType<typeof createGrpcTransport>,
    method: DescMethod,
    headers: Record<string, string>,
    message: Message,
  ) {
    return transport.unary(method as never, undefined, 10_000, headers, message as never);
  }

  /** Messages of a type, with what is known to hurt in them, and now and then with what is right. */
  function messages(desc: DescMessage, depth = 0): fc.Arbitrary<Message> {
    const fields = desc.fields.map((field) => fc.option(valuesOf(field, depth), { nil: undefined, freq: 3 }));
    return fc.tuple(...fields).map((values) => {
      const message = reflect(desc, create(desc));
      const plain = message.message as Message & Record<string, unknown>;
      desc.fields.forEach((field, i) => {
        if (values[i] === undefined) return;
        if (field.oneof !== undefined) plain[field.oneof.localName] = { case: field.localName, value: values[i] };
        else plain[field.localName] = values[i];
      });
      return plain;
    });
  }

  function valuesOf(field: DescField, depth: number): fc.Arbitrary<unknown> {
    switch (field.fieldKind) {
      case "message":
        return depth > 2 ? fc.constant(undefined) : messages(field.message, depth + 1);
      case "list": {
        const items = field.listKind === "message" ? messages(field.message, depth + 1) : scalars(field.scalar);
        return fc.array(items, { maxLength: 3 });
      }
      case "map":
        return fc.dictionary(
          texts,
          field.mapKind === "message" ? messages(field.message, depth + 1) : scalars(field.scalar),
          { maxKeys: 3 },
        );
      case "enum":
        return fc.constantFrom(0, 1, 2, 3, 99, -1);
      case "scalar":
        return scalars(field.scalar);
    }
  }

  const texts = fc
    .oneof(
      fc.string({ unit: "grapheme", maxLength: 20 }),
      fc.constantFrom(
        "",
        "*",
        "a\u0000",
        "'",
        "__proto__",
        "constructor",
        "x".repeat(300),
        "eqx-mu4",
        "1.33.5",
        "n1-medium-x86",
      ),
      fc.constantFrom("/api.v1.ClusterService/Get", "viewer", "0195c0de-0000-7000-8000-00000000000c", "group-0"),
      // Known only when the test runs.
      fc.constantFrom("project", "tenant").map((name) => ({ toString: () => platform[name as "project" | "tenant"] })),
    )
    .map(String);

  function scalars(type: ScalarType | undefined): fc.Arbitrary<unknown> {
    switch (type) {
      case ScalarType.STRING:
        return texts;
      case ScalarType.BOOL:
        return fc.boolean();
      case ScalarType.BYTES:
        return fc.uint8Array({ maxLength: 10 });
      case ScalarType.INT64:
        return fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.constantFrom(0n, 600n, 3_600n));
      case ScalarType.UINT64:
        return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
      case ScalarType.UINT32:
        return fc.oneof(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.nat(4));
      case ScalarType.DOUBLE:
      case ScalarType.FLOAT:
        return fc.double();
      case undefined:
        return fc.constantFrom(0, 1, 2, 3, 99);
      default:
        return fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
    }
  }
});
