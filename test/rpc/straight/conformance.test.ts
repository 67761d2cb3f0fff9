import { StringValueSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient, decodeBinaryHeader, type Transport } from "@connectrpc/connect";
import { compressionGzip, createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ClusterService } from "../../../gen/ts/api/v1/cluster_pb.js";
import { HealthService } from "../../../gen/ts/api/v1/health_pb.js";
import { cluster, project } from "../support/callers.js";
import { startServer, type TestServer, until } from "../support/server.js";
import { limits } from "./support/pair.js";
import { type Deeds, newDeeds, registerActing } from "./support/services.js";

/*
 * What the conformance suite of Connect asks of servers, by the names of its suites, as far as methods of one request
 * are served: unary calls and streams of answers, by gRPC over HTTP/2 and by Connect over HTTP/1.1 and HTTP/2.
 *
 * Here: Basic, Server Empty Requests, Duplicate Metadata, Errors, Connect Code to HTTP Code, Deadline Propagation,
 * Timeouts, Cancellation, Server Message Size, and compression, which the suite varies in all of them.
 * In conformance-unexpected.test.ts: Connect Unexpected Requests, gRPC Unexpected Requests, gRPC Proto Sub-Format,
 * Connect GET. In differential-tls.test.ts: TLS.
 * Left out: TLS Client Certs, which the server does not ask for; what the suite asks of clients; gRPC-Web, HTTP/3.
 */

let server: TestServer;
const deeds: Deeds = newDeeds();
beforeAll(async () => {
  server = await startServer({ routes: (router) => registerActing(router, deeds), limits });
});
afterAll(() => server.close());

type Make = (options: { baseUrl: string; useBinaryFormat: boolean; gzip: boolean }) => Transport;
const compressed = (gzip: boolean) =>
  gzip
    ? { sendCompression: compressionGzip, compressMinBytes: 1, acceptCompression: [compressionGzip] }
    : { acceptCompression: [] };

const ways: readonly (readonly [string, Make])[] = [
  ["gRPC over HTTP/2", ({ gzip, ...options }) => createGrpcTransport({ ...options, ...compressed(gzip) })],
  [
    "Connect over HTTP/1.1",
    ({ gzip, ...options }) => createConnectTransport({ ...options, ...compressed(gzip), httpVersion: "1.1" }),
  ],
  [
    "Connect over HTTP/2",
    ({ gzip, ...options }) => createConnectTransport({ ...options, ...compressed(gzip), httpVersion: "2" }),
  ],
];

const variants = ways.flatMap(([way, make]) =>
  [true, false].flatMap((useBinaryFormat) =>
    [false, true].map((gzip) => ({
      name: `${way}, ${useBinaryFormat ? "binary" : "JSON"}${gzip ? ", gzip" : ""}`,
      // Compressed requests and gRPC in JSON are left to connect's handlers.
      isStraight: !gzip && (useBinaryFormat || way.startsWith("Connect")),
      connect: () => make({ baseUrl: server.url, useBinaryFormat, gzip }),
    })),
  ),
);

const one = { project, uuid: cluster };
const told = (act: string, more: Record<string, string> = {}) => ({
  authorization: "Bearer owner",
  "x-act": act,
  ...more,
});

async function failureOf(call: Promise<unknown>): Promise<ConnectError> {
  return ConnectError.from(
    await call.then(
      () => new Error("the call succeeded"),
      (error: unknown) => error,
    ),
  );
}

/** Reads a stream to its end. */
async function drained(stream: AsyncIterable<{ status?: { state: string } | undefined }>) {
  const states: (string | undefined)[] = [];
  const error = await (async () => {
    for await (const { status } of stream) states.push(status?.state);
  })().catch((thrown: unknown) => ConnectError.from(thrown));
  return { states, error };
}

describe.each(variants)("$name", ({ connect, isStraight }) => {
  const clients = () => ({
    cluster: createClient(ClusterService, connect()),
    health: createClient(HealthService, connect()),
  });

  it("Basic: a unary call, with headers and trailers, by the way that is meant for it", async () => {
    const before = deeds.ways.straight;
    const seen = { header: new Headers(), trailer: new Headers() };
    const { cluster: answered } = await clients().cluster.get(one, {
      headers: told("set-headers"),
      onHeader: (header) => Object.assign(seen, { header }),
      onTrailer: (trailer) => Object.assign(seen, { trailer }),
    });
    expect(answered?.name).toBe("olga");
    for (const kind of ["header", "trailer"] as const) {
      expect(seen[kind].get(`x-${kind}`)).toBe("one, two, three");
      const [first, second] = (seen[kind].get(`x-${kind}-bin`) ?? "")
        .split(",")
        .map((text) => decodeBinaryHeader(text.trim()));
      expect([first, second]).toEqual([Uint8Array.of(255, 0, 7), new TextEncoder().encode("more")]);
    }
    expect(deeds.ways.straight > before).toBe(isStraight);
  });

  it("Basic: a stream of answers, and one without any", async () => {
    const { cluster: client } = clients();
    const { states, error } = await drained(client.watchStatus(one, { headers: told("small-answer") }));
    expect([states, error]).toEqual([["first", "x".repeat(300)], undefined]);
    const none = await drained(client.watchStatus(one, { headers: told("nothing", { "x-messages": "none" }) }));
    expect(none).toEqual({ states: [], error: undefined });
  });

  it("Server Empty Requests: an empty message is a request", async () => {
    const { health } = await clients().health.get({}, { headers: told("nothing") });
    expect(health?.services).toHaveLength(1);
  });

  it("Duplicate Metadata: the handler gets all values, and so does the caller", async () => {
    const headers = new Headers(told("set-headers"));
    headers.append("x-conformance", "Value1");
    headers.append("x-conformance", "Value2");
    await clients().cluster.get(one, { headers });
    expect(deeds.seen.at(-1)).toContain('["x-conformance","Value1, Value2"]');
  });

  it("Errors: every code has its number, its words and its status, unary and at the end of a stream", async () => {
    const { cluster: client } = clients();
    for (let code = 1; code <= 16; code++) {
      const headers = told(`code-${code}`);
      const unary = await failureOf(client.get(one, { headers }));
      expect([unary.code, unary.rawMessage]).toEqual([code, "told so"]);
      const stream = await drained(client.watchStatus(one, { headers }));
      expect([stream.states, stream.error?.code]).toEqual([["first"], code]);
      const atOnce = await drained(client.watchStatus(one, { headers: { ...headers, "x-messages": "none" } }));
      expect([atOnce.states, atOnce.error?.code]).toEqual([[], code]);
    }
  });

  it("Errors: metadata and details", async () => {
    const { cluster: client } = clients();
    const headers = told("headers-and-fail-in-detail");
    const stream = await drained(client.watchStatus(one, { headers: { ...headers, "x-messages": "none" } }));
    for (const error of [await failureOf(client.get(one, { headers })), stream.error]) {
      expect(error?.code).toBe(Code.Aborted);
      expect(error?.findDetails(StringValueSchema).map(({ value }) => value)).toEqual(["one", "two"]);
      expect(error?.metadata.get("x-trailer")).toBe("one, two, three");
      expect(error?.metadata.get("x-why")).toContain("first, second");
    }
  });

  it("Errors: words with white space and every kind of character", async () => {
    const error = await failureOf(clients().cluster.get(one, { headers: told("throw-odd-words") }));
    expect(error.rawMessage).toBe('\n 100% caf\u00e9 \u263a \u{1f608} "quoted"\r\n');
  });

  it("Deadline Propagation: the handler knows that there is one", async () => {
    const { cluster: client } = clients();
    for (const timeoutMs of [undefined, 60_000]) {
      await client.get(one, { headers: told("nothing"), ...(timeoutMs === undefined ? {} : { timeoutMs }) });
      expect(deeds.seen.at(-1)).toContain(`"time":"${timeoutMs === undefined ? "none" : "some"}"`);
    }
  });

  it("Timeouts: a call that takes too long is over for its caller and for its handler", async () => {
    const { cluster: client } = clients();
    deeds.ends.length = 0;
    // As headers: the client's own clock would end the call before the server does.
    const headers = told("wait-and-throw-reason", { "grpc-timeout": "300m", "connect-timeout-ms": "300" });
    expect((await failureOf(client.get(one, { headers }))).code).toBe(Code.DeadlineExceeded);
    expect((await drained(client.watchStatus(one, { headers }))).error?.code).toBe(Code.DeadlineExceeded);
    await until(() => deeds.ends.length === 2);
    expect(deeds.ends).toEqual(Array(2).fill(`${Code.DeadlineExceeded} the operation timed out`));
  });

  it("Cancellation: the handler's signal fires when the caller leaves", async () => {
    const { cluster: client } = clients();
    deeds.seen.length = 0;
    deeds.ends.length = 0;
    const leaving = new AbortController();
    const options = { headers: told("wait-and-throw-reason"), signal: leaving.signal };
    const unary = failureOf(client.get(one, options));
    const stream = drained(client.watchStatus(one, options));
    await until(() => deeds.seen.length === 2);
    leaving.abort();
    expect([(await unary).code, (await stream).error?.code]).toEqual([Code.Canceled, Code.Canceled]);
    await until(() => deeds.ends.length === 2);
  });

  it("Server Message Size: a request beyond the limit is RESOURCE_EXHAUSTED", async () => {
    const { cluster: client } = clients();
    // That what is just as long as the limit is served, is in conformance-unexpected.test.ts: here the client encodes.
    for (const call of [
      () => client.create({ project, name: "x".repeat(limits.readMaxBytes) }, { headers: told("nothing") }),
      () => client.get({ project, uuid: "x".repeat(limits.readMaxBytes) }, { headers: told("nothing") }),
    ]) {
      expect((await failureOf(call())).code).toBe(Code.ResourceExhausted);
    }
    const stream = client.watchStatus({ project, uuid: "x".repeat(limits.readMaxBytes) }, { headers: told("nothing") });
    expect((await drained(stream)).error?.code).toBe(Code.ResourceExhausted);
  });

  it("compression: an answer that is large comes whole", async () => {
    const { cluster: answered } = await clients().cluster.get(one, { headers: told("large-answer") });
    expect(answered?.name).toBe(`${"x".repeat(12_000)}olga`);
  });
});
