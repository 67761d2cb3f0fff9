import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { afterEach, describe, expect, it } from "vitest";
import { ClusterService } from "../../gen/ts/api/v1/cluster_pb.js";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../gen/ts/grpc/health/v1/health_pb.js";
import { as, cluster, project } from "./support/callers.js";
import { startServer, type TestServer } from "./support/server.js";
import { dialects } from "./support/transports.js";

let server: TestServer;
afterEach(() => server.close().catch(() => {}));

function failure(call: Promise<unknown>): Promise<ConnectError> {
  return call.then(
    () => ConnectError.from(new Error("the call succeeded")),
    (error: unknown) => ConnectError.from(error),
  );
}

async function drainOf<T>(stream: AsyncIterator<T>): Promise<void> {
  while (!(await stream.next()).done);
}

describe("drain", () => {
  it.each(dialects)("ends streams with UNAVAILABLE over $name", async ({ connect }) => {
    server = await startServer();
    const watch = createClient(ClusterService, connect(server.url))
      .watchStatus({ project }, as("viewer"))
      [Symbol.asyncIterator]();
    await watch.next();
    const drained = server.lifecycle.drain(server.listener, { graceMs: 500 });
    const error = await failure(drainOf(watch));
    expect(error).toMatchObject({ code: Code.Unavailable, rawMessage: "the server is shutting down, reconnect" });
    await drained;
    expect(server.script.watches.every((signal) => signal.aborted)).toBe(true);
    expect(server.lines.find(({ msg }) => msg === "call")).toMatchObject({ code: "unavailable" });
  });

  it("turns readiness off first, serves unary calls while it settles, and refuses streams", async () => {
    server = await startServer();
    const transport = createGrpcTransport({ baseUrl: server.url });
    const client = createClient(ClusterService, transport);
    const health = createClient(Health, transport).watch({})[Symbol.asyncIterator]();
    await health.next();
    const drained = server.lifecycle.drain(server.listener, { settleMs: 400, graceMs: 1_000 });
    expect(server.lifecycle.state()).toBe("draining");
    expect((await fetch(`${server.url}/readyz`)).status).toBe(503);
    expect((await health.next()).value?.status).toBe(Status.NOT_SERVING);
    expect((await failure(health.next())).code).toBe(Code.Unavailable);
    expect((await client.get({ project, uuid: cluster }, as("viewer"))).cluster?.uuid).toBe(cluster);
    const late = client.watchStatus({ project }, as("viewer"))[Symbol.asyncIterator]();
    expect((await failure(late.next())).code).toBe(Code.Unavailable);
    server.lifecycle.setReady(true);
    expect(server.lifecycle.ready()).toBe(false);
    await drained;
    expect((await failure(fetch(server.url))).message).toContain("fetch failed");
  });

  it.each([
    ["gRPC", (url: string) => createGrpcTransport({ baseUrl: url })],
    ["Connect over HTTP/1.1", (url: string) => createConnectTransport({ baseUrl: url, httpVersion: "1.1" })],
  ])("lets unary calls finish over %s", async (_, connect) => {
    server = await startServer();
    let release = () => {};
    server.script.held = new Promise((resolve) => {
      release = resolve;
    });
    const call = createClient(ClusterService, connect(server.url)).list({ project }, as("viewer"));
    const answered = call.then(({ clusters }) => clusters.length);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const drained = server.lifecycle.drain(server.listener, { graceMs: 10_000 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    release();
    expect(await answered).toBe(400);
    await drained;
  });

  it("gives calls that do not finish in time a last word", async () => {
    server = await startServer();
    server.script.held = new Promise((resolve) => {
      server.lifecycle.shutdownSignal.addEventListener("abort", () => resolve());
    });
    const call = createClient(ClusterService, createGrpcTransport({ baseUrl: server.url })).list(
      { project },
      as("viewer"),
    );
    const error = failure(call);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await server.lifecycle.drain(server.listener, { graceMs: 100 });
    expect(await error).toMatchObject({ code: Code.Unavailable, rawMessage: "the server is shutting down" });
  });

  it("ends many streams, and leaves none behind", async () => {
    server = await startServer();
    const client = createClient(ClusterService, createGrpcTransport({ baseUrl: server.url }));
    const watches = Array.from({ length: 600 }, () =>
      client.watchStatus({ project }, as("viewer"))[Symbol.asyncIterator](),
    );
    await Promise.all(watches.map((watch) => watch.next()));
    expect(server.lifecycle.streams.size).toBe(600);
    const codes = Promise.all(watches.map(async (watch) => (await failure(drainOf(watch))).code));
    await server.lifecycle.drain(server.listener, { graceMs: 5_000 });
    expect(new Set(await codes)).toEqual(new Set([Code.Unavailable]));
    expect(server.lifecycle.streams.size).toBe(0);
  });
});
