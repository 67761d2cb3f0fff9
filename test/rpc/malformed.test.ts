import { connect as connectHttp2 } from "node:http2";
import { gzipSync } from "node:zlib";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import {
  compressionBrotli,
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
} from "@connectrpc/connect-node";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  ClusterService,
  ClusterServiceListRequestSchema,
  ClusterServiceListResponseSchema,
} from "../../gen/ts/api/v1/cluster_pb.js";
import { TenantService } from "../../gen/ts/api/v1/tenant_pb.js";
import { as, project } from "./support/callers.js";
import { startServer, type TestServer, until } from "./support/server.js";
import { dial, received } from "./support/sockets.js";

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ limits: { readMaxBytes: 100_000, bodyTimeoutMs: 300 } });
});
afterAll(() => server.close());
afterEach(async () => {
  // Whatever was sent, the next caller is served.
  const answered = await fetch(`${server.url}/livez`);
  expect(answered.status).toBe(200);
});

const listPath = "/api.v1.ClusterService/List";
const watchPath = "/api.v1.ClusterService/WatchStatus";

function post(path: string, type: string, body: string | Uint8Array, headers: Record<string, string> = {}) {
  return fetch(server.url + path, {
    method: "POST",
    headers: { "content-type": type, ...as("owner").headers, ...headers },
    body: body as string,
  });
}

async function connectCode(response: Response): Promise<string> {
  return ((await response.json()) as { code: string }).code;
}

/** A gRPC call of raw bytes; gives the status of the trailers, or of headers that are trailers. */
async function grpcStatus(path: string, body: Uint8Array, headers: Record<string, string> = {}): Promise<string> {
  const client = connectHttp2(server.url);
  const stream = client.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
    ...as("owner").headers,
    ...headers,
  });
  try {
    return await new Promise<string>((resolve, reject) => {
      const seen = (got: Record<string, unknown>) =>
        got["grpc-status"] !== undefined && resolve(String(got["grpc-status"]));
      stream.on("response", seen).on("trailers", seen).on("error", reject).resume();
      stream.on("close", () => resolve("closed"));
      stream.end(body);
    });
  } finally {
    client.destroy();
  }
}

function envelope(data: Uint8Array, flags = 0, length = data.length): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, data]);
}

const request = toBinary(ClusterServiceListRequestSchema, { $typeName: "api.v1.ClusterServiceListRequest", project });

describe("requests that cannot be decoded", () => {
  it.each([
    ["bad JSON", "application/json", "{"],
    ["JSON of another shape", "application/json", "[1, 2]"],
    ["a field of another type", "application/json", '{"project": 1}'],
    ["bad binary", "application/proto", Buffer.from("ffffffff", "hex")],
  ])("%s is INVALID_ARGUMENT", async (_, type, body) => {
    const response = await post(listPath, type, body);
    expect([response.status, await connectCode(response)]).toEqual([400, "invalid_argument"]);
  });

  it.each([
    ["a truncated message", envelope(request, 0, request.length + 5), ["3"]],
    ["a truncated envelope", Buffer.from([0, 0]), ["3"]],
    ["no message", Buffer.alloc(0), ["12", "3"]],
    ["two messages for one", Buffer.concat([envelope(request), envelope(request)]), ["12", "3"]],
    ["bad binary", envelope(Buffer.from("ffffffff", "hex")), ["3"]],
    ["compression that was not announced", envelope(request, 1), ["13", "3"]],
    ["an envelope of 4 GiB", envelope(request, 0, 0xffffffff), ["8"]],
  ])("gRPC: %s has a status, unary and streaming", async (_, body, statuses) => {
    expect(statuses).toContain(await grpcStatus(listPath, body));
    expect(statuses).toContain(await grpcStatus(watchPath, body));
  });

  it("gRPC: an unknown compression is UNIMPLEMENTED, broken gzip an error", async () => {
    expect(await grpcStatus(listPath, envelope(request, 1), { "grpc-encoding": "br" })).toBe("12");
    expect(["3", "13"]).toContain(await grpcStatus(listPath, envelope(request, 1), { "grpc-encoding": "gzip" }));
  });

  it("a timeout that is none, or too long, is INVALID_ARGUMENT", async () => {
    expect(await grpcStatus(listPath, envelope(request), { "grpc-timeout": "soon" })).toBe("3");
    expect(await grpcStatus(listPath, envelope(request), { "grpc-timeout": "99999999H" })).toBe("3");
  });

  it("are logged, counted as calls, and audited without a body", async () => {
    server.lines.length = 0;
    server.audits.length = 0;
    const path = "/api.v1.ClusterService/Create";
    await post(path, "application/json", "{", { "x-request-id": "broken-1" });
    expect(await grpcStatus(path, envelope(Buffer.from("ff", "hex")))).toBe("3");
    await post(path, "application/grpc-web+proto", envelope(Buffer.from("ff", "hex")));
    const line = () => server.lines.filter(({ rpc, msg }) => rpc === path && msg === "call");
    await until(() => line().length === 3 && server.audits.length === 3);
    expect(line().map(({ code }) => code)).toEqual(Array(3).fill("invalid_argument"));
    expect(line()[0]).toMatchObject({ request: "broken-1" });
    for (const entry of server.audits) {
      expect(entry).toMatchObject({ phase: "response", method: path, code: Code.InvalidArgument, body: undefined });
    }
  });
});

describe("requests that are too large", () => {
  const long = "x".repeat(200_000);

  it("are RESOURCE_EXHAUSTED over every protocol, before and after decompression", async () => {
    for (const transport of [
      createConnectTransport({ baseUrl: server.url, httpVersion: "1.1" }),
      createConnectTransport({ baseUrl: server.url, httpVersion: "2", sendCompression: compressionGzip }),
      createGrpcTransport({ baseUrl: server.url }),
      createGrpcTransport({ baseUrl: server.url, sendCompression: compressionGzip }),
    ]) {
      const call = createClient(ClusterService, transport).create({ project, name: long }, as("owner"));
      const error = ConnectError.from(await call.catch((thrown: unknown) => thrown));
      expect(error.code).toBe(Code.ResourceExhausted);
    }
  });

  it("are refused in chunks of unannounced length too, and the connection goes on", async () => {
    const socket = await dial(server.port);
    const headers = `POST ${listPath} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`;
    socket.write(`${headers}${(50_000).toString(16)}\r\n${"x".repeat(50_000)}\r\n`);
    socket.write(`${(60_000).toString(16)}\r\n${"x".repeat(60_000)}\r\n0\r\n\r\n`);
    socket.write("GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    expect(await received(socket)).toMatch(/^HTTP\/1\.1 429 [\s\S]*resource_exhausted[\s\S]*HTTP\/1\.1 200 /);
  });

  it("a gzip bomb does not unfold", async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    const response = await post(listPath, "application/proto", bomb, { "content-encoding": "gzip" });
    expect(await connectCode(response)).toBe("resource_exhausted");
  });
});

describe("requests that are no calls", () => {
  it("an unknown path is 404 and says what is served", async () => {
    for (const path of [
      "/",
      "/api.v1.ClusterService/Nothing",
      "/api.v1.Nothing/Get",
      "/%00",
      "/api.v1.ClusterService/List/",
    ]) {
      const response = await post(path, "application/json", "{}");
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({
        code: "unimplemented",
        message: expect.stringContaining("Connect"),
      });
    }
  });

  it("an unknown method is UNIMPLEMENTED for clients of every protocol", async () => {
    const method = { ...ClusterService.method.list, name: "Nothing" };
    for (const transport of [
      createGrpcTransport({ baseUrl: server.url }),
      createConnectTransport({ baseUrl: server.url, httpVersion: "1.1" }),
    ]) {
      const call = transport.unary(method as typeof ClusterService.method.list, undefined, undefined, undefined, {
        project,
      });
      expect(ConnectError.from(await call.catch((error: unknown) => error)).code).toBe(Code.Unimplemented);
    }
  });

  it.each(["text/plain", "application/xml", "application/grpc+xml", "application/connect+json", ""])(
    "content type %j is 415",
    async (type) => {
      const response = await post(listPath, type, "{}");
      expect(response.status).toBe(415);
    },
  );

  it("another HTTP method is 405", async () => {
    expect((await fetch(server.url + listPath)).status).toBe(405);
    expect((await fetch(server.url + listPath, { method: "DELETE" })).status).toBe(405);
  });

  it.each([
    [
      "a host that is none",
      "POST /api.v1.ClusterService/List HTTP/1.1\r\nhost: a b[\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
    ],
    ["no host in HTTP/1.1", "POST /api.v1.ClusterService/List HTTP/1.1\r\ncontent-length: 0\r\n\r\n"],
    ["a path that is none", "POST http://[ HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"],
    ["nothing known", "BLA\r\n\r\n"],
  ])("%s is a 4xx", async (_, text) => {
    const socket = await dial(server.port);
    socket.write(text);
    expect(await received(socket, /\r\n\r\n/)).toMatch(/^HTTP\/1\.1 4\d\d /);
    socket.destroy();
  });

  it("HTTP/1.0 needs no host", async () => {
    const socket = await dial(server.port);
    const body = JSON.stringify({ project });
    socket.write(
      `POST ${listPath} HTTP/1.0\r\ncontent-type: application/json\r\nauthorization: bearer owner\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    expect(await received(socket)).toMatch(/^HTTP\/1\.1 200 [\s\S]*"cluster-399"/);
  });

  it("a body that stops in the middle is let go", async () => {
    const socket = await dial(server.port);
    socket.write(
      `POST ${listPath} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{`,
    );
    socket.end();
    expect(await received(socket)).toMatch(/^(HTTP\/1\.1 400 [\s\S]*)?$/);
  });

  it("a request over HTTP/2 that never ends is cut off", async () => {
    const client = connectHttp2(server.url);
    const stream = client.request({
      ":method": "POST",
      ":path": listPath,
      "content-type": "application/grpc",
      te: "trailers",
    });
    stream.on("error", () => {});
    await new Promise((resolve) => stream.once("close", resolve));
    client.destroy();
  });
});

describe("compression", () => {
  it("answers with gzip what is large, and leaves alone what is small", async () => {
    const headers = { "accept-encoding": "gzip" };
    const large = await post(listPath, "application/proto", request as Uint8Array, headers);
    expect(large.headers.get("content-encoding")).toBe("gzip");
    const answered = fromBinary(ClusterServiceListResponseSchema, new Uint8Array(await large.arrayBuffer()));
    expect(answered.clusters).toHaveLength(400);
    const small = await post("/api.v1.HealthService/Get", "application/json", "{}", headers);
    expect(small.headers.get("content-encoding")).toBeNull();
  });

  it("never answers with brotli, whatever the caller prefers", async () => {
    const response = await post(listPath, "application/proto", request as Uint8Array, { "accept-encoding": "br" });
    expect(response.headers.get("content-encoding")).toBeNull();
    const transport = createGrpcTransport({
      baseUrl: server.url,
      acceptCompression: [compressionBrotli, compressionGzip],
    });
    let used: string | null = null;
    const onHeader = (got: Headers) => {
      used = got.get("grpc-encoding");
    };
    const { clusters } = await createClient(ClusterService, transport).list({ project }, { ...as("owner"), onHeader });
    expect([clusters.length, used]).toEqual([400, "gzip"]);
  });

  it("takes requests in gzip, and refuses brotli", async () => {
    const body = JSON.stringify({ project });
    const zipped = await post(listPath, "application/json", gzipSync(body), { "content-encoding": "gzip" });
    expect(zipped.status).toBe(200);
    const brotli = await post(listPath, "application/json", body, { "content-encoding": "br" });
    expect(await connectCode(brotli)).toBe("unimplemented");
  });
});

it("refuses an answer that is too large instead of sending it", async () => {
  const small = await startServer({ limits: { writeMaxBytes: 1_000 } });
  try {
    const client = createClient(ClusterService, createGrpcTransport({ baseUrl: small.url }));
    const error = ConnectError.from(await client.list({ project }, as("owner")).catch((thrown: unknown) => thrown));
    expect(error.code).toBe(Code.ResourceExhausted);
  } finally {
    await small.close();
  }
});

it("survives a private method's callers", async () => {
  const client = createClient(TenantService, createGrpcTransport({ baseUrl: server.url }));
  for (const options of [as("admin"), as("owner"), {}]) {
    const error = ConnectError.from(await client.createOrUpdate({}, options).catch((thrown: unknown) => thrown));
    expect(error.code).toBe(Code.PermissionDenied);
  }
  expect(server.script.ran).not.toContain("TenantService.CreateOrUpdate");
});
