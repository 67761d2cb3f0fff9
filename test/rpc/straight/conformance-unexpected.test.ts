import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startServer, type TestServer } from "../support/server.js";
import { connectProto, grpc, http2HeadersOf } from "./support/dialects.js";
import { connectHttp2, type Http2Got, sendHttp2 } from "./support/http2-client.js";
import { envelope, getCluster, padded, type Target, watchClusters } from "./support/messages.js";
import { limits } from "./support/pair.js";
import { newDeeds, registerActing } from "./support/services.js";

/* The suites of raw requests; conformance.test.ts has the list. Connect's are sent over both versions of HTTP. */

let server: TestServer;
beforeAll(async () => {
  const deeds = newDeeds();
  server = await startServer({ routes: (router) => registerActing(router, deeds), limits });
});
afterAll(() => server.close());

interface Raw {
  readonly name: string;
  readonly target?: Target;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: Buffer;
  /** The status of gRPC, or that of HTTP and the code of Connect. */
  readonly wanted: string | readonly [number, string | undefined];
}

async function send(dialect: typeof grpc, raw: Raw): Promise<Http2Got> {
  const { target = getCluster, path, method = "POST", headers = {}, body = dialect.bodyOf(target) } = raw;
  const session = connectHttp2(server.port);
  const all = {
    ...http2HeadersOf(dialect, target, "nothing"),
    ":method": method,
    ":path": path ?? target.path,
    ...headers,
  };
  const got = await sendHttp2(session, { headers: all, pieces: body.length === 0 ? [] : [body] });
  session.destroy();
  return got;
}

const message = envelope(getCluster.binary);
const grpcCases: readonly Raw[] = [
  { name: "Proto Sub-Format: none", headers: { "content-type": "application/grpc" }, wanted: "0" },
  { name: "Proto Sub-Format: proto", headers: { "content-type": "application/grpc+proto" }, wanted: "0" },
  { name: "unary without a request", body: Buffer.alloc(0), wanted: "12" },
  { name: "unary with two requests", body: Buffer.concat([message, message]), wanted: "12" },
  { name: "stream without a request", target: watchClusters, body: Buffer.alloc(0), wanted: "12" },
  { name: "stream with two requests", target: watchClusters, body: Buffer.concat([message, message]), wanted: "12" },
  {
    name: "unknown compression",
    headers: { "grpc-encoding": "foo" },
    body: envelope(getCluster.binary, 1),
    wanted: "12",
  },
  {
    name: "compressed, and says it is not",
    headers: { "grpc-encoding": "identity" },
    body: envelope(getCluster.binary, 1),
    wanted: "13",
  },
  {
    name: "compressed as it says",
    headers: { "grpc-encoding": "gzip" },
    body: envelope(gzipSync(getCluster.binary), 1),
    wanted: "0",
  },
  { name: "may be compressed, and is not", headers: { "grpc-encoding": "gzip" }, body: message, wanted: "0" },
  { name: "shorter than its prefix says", body: envelope(getCluster.binary, 0, 100), wanted: "3" },
  { name: "a part of a prefix", body: Buffer.from([0, 0, 0]), wanted: "3" },
  { name: "as large as the limit", body: envelope(padded(getCluster, false, limits.readMaxBytes)), wanted: "0" },
  {
    name: "larger than the limit by one",
    body: envelope(padded(getCluster, false, limits.readMaxBytes + 1)),
    wanted: "8",
  },
];

const httpCases: readonly Raw[] = [
  { name: "another verb", method: "DELETE", wanted: [405, undefined] },
  { name: "another URI", path: "/api.v1.ClusterService/Nothing", wanted: [404, "unimplemented"] },
  { name: "another service", path: "/nothing.v1.Nothing/Nothing", wanted: [404, "unimplemented"] },
];

const connectCases: readonly Raw[] = [
  ...httpCases,
  { name: "another content type", headers: { "content-type": "image/jpeg" }, wanted: [415, undefined] },
  { name: "another codec", headers: { "content-type": "application/foo" }, wanted: [415, undefined] },
  { name: "unknown compression", headers: { "content-encoding": "foo" }, wanted: [501, "unimplemented"] },
  {
    name: "compressed as it says",
    headers: { "content-encoding": "gzip" },
    body: gzipSync(getCluster.binary),
    wanted: [200, undefined],
  },
  { name: "the protocol's version", headers: { "connect-protocol-version": "1" }, wanted: [200, undefined] },
  { name: "a timeout that is none", headers: { "connect-timeout-ms": "soon" }, wanted: [400, "invalid_argument"] },
  { name: "as large as the limit", body: padded(getCluster, false, limits.readMaxBytes), wanted: [200, undefined] },
  {
    name: "larger than the limit by one",
    body: padded(getCluster, false, limits.readMaxBytes + 1),
    wanted: [429, "resource_exhausted"],
  },
  // No method of the contract says that it is free of side effects.
  {
    name: "Connect GET",
    method: "GET",
    path: `${getCluster.path}?connect=v1&encoding=proto&message=`,
    body: Buffer.alloc(0),
    wanted: [405, undefined],
  },
];

const streamType = { "content-type": "application/connect+proto" };
const connectStreamCases: readonly Raw[] = [
  { name: "stream without a request", headers: streamType, body: Buffer.alloc(0), wanted: [200, "unimplemented"] },
  {
    name: "stream with two requests",
    headers: streamType,
    body: Buffer.concat([message, message]),
    wanted: [200, "unimplemented"],
  },
  {
    name: "compressed, and says it is not",
    headers: { ...streamType, "connect-content-encoding": "identity" },
    body: envelope(getCluster.binary, 1),
    wanted: [200, "internal"],
  },
];

const codeIn = (body: string): string | undefined => /"code":"(\w+)"/.exec(body)?.[1];

describe("gRPC Unexpected Requests", () => {
  it.each(grpcCases)("$name", async (raw) => {
    const { headers, trailers } = await send(grpc, raw);
    expect(headers?.[":status"]).toBe(200);
    expect(trailers?.["grpc-status"] ?? headers?.["grpc-status"]).toBe(raw.wanted);
  });

  it.each([
    ...httpCases,
    { name: "another codec", headers: { "content-type": "application/grpc+foo" }, wanted: [415, undefined] as const },
  ])("$name: the status of HTTP says it", async (raw) => {
    expect((await send(grpc, raw)).headers?.[":status"]).toBe(raw.wanted[0]);
  });
});

describe("Connect Unexpected Requests", () => {
  const all = [...connectCases, ...connectStreamCases.map((raw) => ({ target: watchClusters, ...raw }))];

  it.each(all)("$name, over HTTP/2", async (raw) => {
    const { headers, body } = await send(connectProto, raw);
    expect([headers?.[":status"], codeIn(body)]).toEqual(raw.wanted);
  });

  it.each(all)(
    "$name, over HTTP/1.1",
    async ({ target = getCluster, path, method = "POST", headers, body, wanted }) => {
      const response = await fetch(server.url + (path ?? target.path), {
        method,
        headers: { "content-type": connectProto.type, authorization: "Bearer owner", ...headers },
        ...(method === "GET" ? {} : { body: (body ?? connectProto.bodyOf(target)) as unknown as string }),
      });
      expect([response.status, codeIn(await response.text())]).toEqual(wanted);
    },
  );
});
