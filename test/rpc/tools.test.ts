import { createFileRegistry, fromBinary, getOption, type MessageInitShape } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ClusterService } from "../../gen/ts/api/v1/cluster_pb.js";
import { project_roles } from "../../gen/ts/api/v1/common_pb.js";
import { TokenService } from "../../gen/ts/api/v1/token_pb.js";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../gen/ts/grpc/health/v1/health_pb.js";
import { ServerReflection, type ServerReflectionRequestSchema } from "../../gen/ts/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as AlphaServerReflection } from "../../gen/ts/grpc/reflection/v1alpha/reflection_pb.js";
import { startMetricsServer } from "../../src/processes/metrics-server.js";
import { as, cluster, project } from "./support/callers.js";
import { selfSigned } from "./support/certificate.js";
import { startServer, type TestServer, until } from "./support/server.js";

let server: TestServer;
let transport: Transport;
beforeAll(async () => {
  server = await startServer();
  transport = createGrpcTransport({ baseUrl: server.url });
});
afterAll(() => server.close());

type Question = MessageInitShape<typeof ServerReflectionRequestSchema>["messageRequest"];

describe.each([
  ["v1", ServerReflection],
  ["v1alpha", AlphaServerReflection as unknown as typeof ServerReflection],
])("reflection %s", (_, service) => {
  async function ask(...questions: NonNullable<Question>[]) {
    async function* requests() {
      for (const messageRequest of questions) yield { host: "h", messageRequest };
    }
    const answers = [];
    for await (const answer of createClient(service, transport).serverReflectionInfo(requests())) {
      expect(answer.validHost).toBe("h");
      expect(answer.originalRequest?.messageRequest.case).toBe(questions[answers.length]?.case);
      answers.push(answer.messageResponse);
    }
    return answers;
  }

  /** The names of the files in an answer, or the number of its error. */
  async function filesFor(question: NonNullable<Question>): Promise<string[] | number> {
    const [answer] = await ask(question);
    if (answer?.case === "errorResponse") return answer.value.errorCode;
    if (answer?.case !== "fileDescriptorResponse") throw new Error(`unexpected ${answer?.case}`);
    return answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name);
  }

  it("lists every service", async () => {
    const [answer] = await ask({ case: "listServices", value: "" });
    const names = answer?.case === "listServicesResponse" ? answer.value.service.map(({ name }) => name) : [];
    expect(names).toEqual([
      "api.v1.HealthService",
      "api.v1.TokenService",
      "api.v1.TenantService",
      "api.v1.ClusterService",
      "grpc.health.v1.Health",
      "grpc.reflection.v1.ServerReflection",
      "grpc.reflection.v1alpha.ServerReflection",
    ]);
  });

  it.each([
    "api.v1.ClusterService",
    "api.v1.ClusterService.Get",
    "api.v1.Cluster",
    ".api.v1.Cluster",
    "api.v1.Cluster.uuid",
    "api.v1.Operate",
    "api.v1.OPERATE_RETRY",
  ])("finds the file of %s", async (symbol) => {
    const files = await filesFor({ case: "fileContainingSymbol", value: symbol });
    expect(files).toContain("api/v1/cluster.proto");
    expect(files).toContain("google/protobuf/descriptor.proto");
  });

  it("finds files by name and by extension", async () => {
    expect(await filesFor({ case: "fileByFilename", value: "buf/validate/validate.proto" })).toContain(
      "buf/validate/validate.proto",
    );
    const value = { containingType: "google.protobuf.MethodOptions", extensionNumber: 51_001 };
    expect(await filesFor({ case: "fileContainingExtension", value })).toContain("api/v1/common.proto");
    const [numbers] = await ask({ case: "allExtensionNumbersOfType", value: "google.protobuf.MethodOptions" });
    expect(numbers?.value).toMatchObject({ extensionNumber: [51_000, 51_001, 51_002, 51_003, 51_004, 51_005] });
  });

  it("answers what is unknown with NOT_FOUND, and goes on", async () => {
    expect(await filesFor({ case: "fileContainingSymbol", value: "api.v1.Nothing" })).toBe(Code.NotFound);
    expect(await filesFor({ case: "fileByFilename", value: "nothing.proto" })).toBe(Code.NotFound);
    const unknown = { containingType: "google.protobuf.MethodOptions", extensionNumber: 1 };
    expect(await filesFor({ case: "fileContainingExtension", value: unknown })).toBe(Code.NotFound);
    const answers = await ask(
      { case: "allExtensionNumbersOfType", value: "no.Type" },
      { case: "listServices", value: "" },
    );
    expect(answers.map((answer) => answer.case)).toEqual(["errorResponse", "listServicesResponse"]);
  });

  it("gives files from which a client can be built, options too", async () => {
    const [answer] = await ask({ case: "fileContainingSymbol", value: "api.v1.ClusterService" });
    const file = (answer?.case === "fileDescriptorResponse" ? answer.value.fileDescriptorProto : []).map((bytes) =>
      fromBinary(FileDescriptorProtoSchema, bytes),
    );
    const resolve = (name: string) => file.find((candidate) => candidate.name === name);
    const built = createFileRegistry(file[0]!, resolve).getService("api.v1.ClusterService");
    expect(getOption(built!.method.get!, project_roles)).toEqual([1, 2, 3]);
  });
});

describe("health", () => {
  it("knows the server and each service", async () => {
    const health = createClient(Health, transport);
    expect((await health.check({})).status).toBe(Status.SERVING);
    expect((await health.check({ service: "api.v1.ClusterService" })).status).toBe(Status.SERVING);
    const unknown = await health.check({ service: "no.Service" }).catch((error: unknown) => ConnectError.from(error));
    expect(unknown).toMatchObject({ code: Code.NotFound });
    expect(Object.keys((await health.list({})).statuses)).toContain("api.v1.ClusterService");
  });

  it("tells watchers of each change", async () => {
    const controller = new AbortController();
    const options = { signal: controller.signal };
    const watch = createClient(Health, transport).watch({}, options)[Symbol.asyncIterator]();
    const unknown = createClient(Health, transport).watch({ service: "no.Service" }, options)[Symbol.asyncIterator]();
    const next = async () => (await watch.next()).value?.status;
    expect((await unknown.next()).value?.status).toBe(Status.SERVICE_UNKNOWN);
    expect(await next()).toBe(Status.SERVING);
    server.lifecycle.setReady(false);
    expect(await next()).toBe(Status.NOT_SERVING);
    server.lifecycle.setReady(true);
    expect(await next()).toBe(Status.SERVING);
    controller.abort();
    await until(() => server.lifecycle.streams.size === 0);
  });

  it("is not in the log of ordinary days, nor in the audit trail", async () => {
    server.lines.length = 0;
    await createClient(Health, transport).check({});
    await until(() => server.lines.length === 1);
    expect(server.lines[0]?.level).toBe(20);
    expect(server.audits).toEqual([]);
  });
});

describe("metrics", () => {
  it("counts calls, streams and messages", async () => {
    const metrics = await startMetricsServer({ host: "127.0.0.1", port: 0 });
    const measured = await startServer();
    const scrape = async () => (await fetch(`http://127.0.0.1:${metrics.port}/metrics`)).text();
    try {
      const client = createClient(ClusterService, createGrpcTransport({ baseUrl: measured.url }));
      await client.get({ project, uuid: cluster }, as("owner"));
      await client.get({ project, uuid: cluster }).catch(() => {});
      for await (const _ of client.watchStatus({ project, uuid: cluster }, as("owner")));
      const controller = new AbortController();
      const watch = client
        .watchStatus({ project }, { ...as("owner"), signal: controller.signal })
        [Symbol.asyncIterator]();
      await watch.next();
      const rpc = 'rpc="/api.v1.ClusterService/';
      const text = await scrape();
      expect(text).toMatch(new RegExp(`rpc_server_duration_count\\{${rpc}Get",code="ok"[^}]*\\} 1`));
      expect(text).toMatch(new RegExp(`rpc_server_duration_count\\{${rpc}Get",code="unauthenticated"[^}]*\\} 1`));
      expect(text).toMatch(new RegExp(`rpc_server_active_calls\\{${rpc}Get"[^}]*\\} 0`));
      expect(text).toMatch(new RegExp(`rpc_server_active_streams\\{${rpc}WatchStatus"[^}]*\\} 1`));
      expect(text).toMatch(new RegExp(`rpc_server_messages_sent_total\\{${rpc}WatchStatus"[^}]*\\} 3`));
      for (const name of ["process_start_time_seconds", "process_resident_memory_bytes", "process_cpu_seconds_total"]) {
        expect(text).toMatch(new RegExp(`^${name}\\{?[^\\n]* [\\d.e+]+`, "m"));
      }
      controller.abort();
      await until(() => measured.lifecycle.streams.size === 0);
      expect((await fetch(`http://127.0.0.1:${metrics.port}/other`)).status).toBe(404);
    } finally {
      await measured.close();
      await metrics.close();
    }
  });
});

it("serves every protocol over TLS", async () => {
  const pem = await selfSigned();
  const secure = await startServer({}, { tls: pem });
  try {
    const nodeOptions = { ca: pem.cert };
    for (const way of [
      createGrpcTransport({ baseUrl: secure.url, nodeOptions }),
      createConnectTransport({ baseUrl: secure.url, httpVersion: "2", nodeOptions }),
      createConnectTransport({ baseUrl: secure.url, httpVersion: "1.1", nodeOptions }),
    ]) {
      expect((await createClient(TokenService, way).list({}, as("owner"))).tokens[0]?.userId).toBe("olga");
    }
  } finally {
    await secure.close();
  }
});
