import { ViolationsSchema } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ClusterService } from "../../gen/ts/api/v1/cluster_pb.js";
import { HealthService } from "../../gen/ts/api/v1/health_pb.js";
import { TokenService } from "../../gen/ts/api/v1/token_pb.js";
import { DomainError, type ErrorKind } from "../../src/errors.js";
import { BadRequestSchema, RetryInfoSchema } from "../../src/rpc/error-details.js";
import { as, cluster, project } from "./support/callers.js";
import { startServer, type TestServer, until } from "./support/server.js";
import { dialects } from "./support/transports.js";

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close());
beforeEach(() => {
  server.script.failures.clear();
  server.script.watches.length = 0;
  server.lines.length = 0;
});

async function failure(call: Promise<unknown>): Promise<ConnectError> {
  return ConnectError.from(
    await call.then(
      () => new Error("the call succeeded"),
      (error: unknown) => error,
    ),
  );
}

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const message of stream) all.push(message);
  return all;
}

describe.each(dialects)("$name", ({ connect }) => {
  let transport: ReturnType<typeof connect>;
  beforeAll(() => {
    transport = connect(server.url);
  });

  it("answers a public method, and a method of any caller", async () => {
    expect((await createClient(HealthService, transport).get({})).health).toBeDefined();
    const { tokens } = await createClient(TokenService, transport).list({}, as("owner"));
    expect(tokens.map(({ userId }) => userId)).toEqual(["olga"]);
  });

  it("streams to the end", async () => {
    const watch = createClient(ClusterService, transport).watchStatus({ project, uuid: cluster }, as("viewer"));
    expect((await collect(watch)).map(({ status }) => status?.state)).toEqual(["Processing", "Succeeded"]);
  });

  it("authorizes a stream before its first message", async () => {
    const client = createClient(ClusterService, transport);
    const ran = server.script.ran.length;
    const denied = await failure(collect(client.watchStatus({ project, uuid: cluster }, as("stranger"))));
    expect(denied.code).toBe(Code.PermissionDenied);
    expect((await failure(collect(client.watchStatus({ project })))).code).toBe(Code.Unauthenticated);
    expect((await failure(collect(client.watchStatus({ project, uuid: "no" }, as("viewer"))))).code).toBe(
      Code.InvalidArgument,
    );
    expect(server.script.ran.length).toBe(ran);
  });

  it("ends a handler's signal when the reader goes away", async () => {
    const controller = new AbortController();
    const watch = createClient(ClusterService, transport).watchStatus(
      { project },
      { ...as("viewer"), signal: controller.signal },
    );
    const error = await failure(
      (async () => {
        for await (const _ of watch) controller.abort();
      })(),
    );
    expect(error.code).toBe(Code.Canceled);
    await until(() => server.script.watches.every((signal) => signal.aborted) && server.lifecycle.streams.size === 0);
    await until(() =>
      server.lines.some(({ rpc, code }) => rpc === "/api.v1.ClusterService/WatchStatus" && code === "canceled"),
    );
  });

  it("ends a stream at its deadline", async () => {
    const watch = createClient(ClusterService, transport).watchStatus({ project }, { ...as("viewer"), timeoutMs: 200 });
    expect((await failure(collect(watch))).code).toBe(Code.DeadlineExceeded);
    await until(() => server.lifecycle.streams.size === 0);
  });

  it("names every field that is wrong", async () => {
    const call = createClient(ClusterService, transport).create({ project, name: "X", partition: "p" }, as("owner"));
    const error = await failure(call);
    expect(error.code).toBe(Code.InvalidArgument);
    const [request] = error.findDetails(BadRequestSchema) as unknown as { fieldViolations: { field: string }[] }[];
    expect(request?.fieldViolations.map(({ field }) => field)).toContain("name");
    const [violations] = error.findDetails(ViolationsSchema);
    expect(violations?.violations.length).toBe(request?.fieldViolations.length);
  });

  it("sends the time to wait", async () => {
    server.script.failures.set(cluster, () => new DomainError("exhausted", "full", { retryAfterMs: 1_500 }));
    const error = await failure(createClient(ClusterService, transport).get({ project, uuid: cluster }, as("owner")));
    expect(error.code).toBe(Code.ResourceExhausted);
    expect(error.findDetails(RetryInfoSchema)).toMatchObject([{ retryDelay: { seconds: 1n, nanos: 500_000_000 } }]);
  });

  it("keeps the words of a defect to itself, and logs it once", async () => {
    server.script.failures.set(cluster, () => new TypeError("secret words"));
    const error = await failure(createClient(ClusterService, transport).get({ project, uuid: cluster }, as("owner")));
    expect(error.rawMessage).toBe("internal error");
    expect(error.code).toBe(Code.Internal);
    expect(server.lines.filter((line) => JSON.stringify(line).includes("secret words"))).toHaveLength(1);
  });

  it("gives each call a request id, and keeps a sane one of the caller", async () => {
    const ids: string[] = [];
    const onHeader = (headers: Headers) => ids.push(headers.get("x-request-id") ?? "");
    const client = createClient(HealthService, transport);
    await client.get({}, { onHeader });
    await client.get({}, { onHeader, headers: { "x-request-id": "mine-1" } });
    await client.get({}, { onHeader, headers: { "x-request-id": "spaces are not sane" } });
    expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(ids[1]).toBe("mine-1");
    expect(ids[2]).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("answers UNIMPLEMENTED for a method without a handler, after authorization", async () => {
    const client = createClient(ClusterService, transport);
    expect((await failure(client.operate({ project, uuid: cluster, operate: 1 }, as("owner")))).code).toBe(
      Code.Unimplemented,
    );
    expect((await failure(client.operate({ project, uuid: cluster, operate: 1 }))).code).toBe(Code.Unauthenticated);
  });
});

describe("codes of errors", () => {
  const kinds: [ErrorKind, Code][] = [
    ["invalid", Code.InvalidArgument],
    ["unauthenticated", Code.Unauthenticated],
    ["denied", Code.PermissionDenied],
    ["missing", Code.NotFound],
    ["exists", Code.AlreadyExists],
    ["conflict", Code.Aborted],
    ["precondition", Code.FailedPrecondition],
    ["exhausted", Code.ResourceExhausted],
    ["unimplemented", Code.Unimplemented],
    ["unavailable", Code.Unavailable],
    ["timeout", Code.DeadlineExceeded],
  ];
  const get = () =>
    createClient(ClusterService, dialects[0]!.connect(server.url)).get({ project, uuid: cluster }, as("owner"));

  it.each(kinds)("%s", async (kind, code) => {
    server.script.failures.set(cluster, () => new DomainError(kind, "words for the caller"));
    expect(await failure(get())).toMatchObject({ code, rawMessage: "words for the caller" });
  });

  it.each([
    ["AbortError", Code.Canceled],
    ["TimeoutError", Code.DeadlineExceeded],
  ])("%s", async (name, code) => {
    server.script.failures.set(cluster, () => new DOMException("stopped", name));
    expect((await failure(get())).code).toBe(code);
  });

  it("passes a ConnectError as it is", async () => {
    server.script.failures.set(cluster, () => new ConnectError("lost", Code.DataLoss));
    expect(await failure(get())).toMatchObject({ code: Code.DataLoss, rawMessage: "lost" });
  });

  it("takes anything that is thrown", async () => {
    server.script.failures.set(cluster, () => "a string");
    expect(await failure(get())).toMatchObject({ code: Code.Internal, rawMessage: "internal error" });
  });
});
