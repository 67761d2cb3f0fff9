import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSlipway as openBrowser } from "../../../clients/ts/src/browser.js";
import { openSlipway as openNode } from "../../../clients/ts/src/node.js";
import { serverUrl } from "../../../clients/ts/src/options.js";
import { problemOf } from "../../../clients/ts/src/problem.js";
import { isRead } from "../../../clients/ts/src/retry.js";
import { watch } from "../../../clients/ts/src/watch.js";
import { VersionService } from "../../../gen/ts/api/v1/version_pb.js";
import { StatusService } from "../../../gen/ts/status/v1/status_pb.js";
import { selfSigned } from "../../rpc/support/certificate.js";
import { startPlatform, type TestPlatform } from "../../support/platform.js";
import { allServices } from "./support/all-services.js";

const errorOf = (call: Promise<unknown>) =>
  call.then(
    () => expect.fail("it went well"),
    (error: unknown) => error,
  );

describe("over TLS", () => {
  let platform: TestPlatform;
  let folder: string;
  let ca: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "slipway-client-"));
    const { cert, key } = await selfSigned();
    ca = cert;
    const [certFile, keyFile] = [join(folder, "cert.pem"), join(folder, "key.pem")];
    await Promise.all([writeFile(certFile, cert), writeFile(keyFile, key)]);
    const env = { SLIPWAY_TLS_CERT_FILE: certFile, SLIPWAY_TLS_KEY_FILE: keyFile };
    platform = await startPlatform({ background: false, env });
  });
  afterAll(async () => {
    await platform.close();
    await rm(folder, { recursive: true });
  });

  it.each(["grpc", "connect"] as const)("a client trusts the authorities that it is given (%s)", async (protocol) => {
    const trusting = openNode({ url: platform.url, protocol, tls: { ca } });
    expect((await trusting.client(VersionService).get({})).version).toBeDefined();
    const careless = openNode({ url: platform.url, protocol, tls: { rejectUnauthorized: false } });
    expect((await careless.client(VersionService).get({})).version).toBeDefined();
  });

  it.each([
    ["grpc", () => openNode({ url: platform.url })],
    ["connect", () => openNode({ url: platform.url, protocol: "connect" })],
    ["browser", () => openBrowser({ url: platform.url })],
  ] as const)("it names a certificate that is not trusted, and does not try again (%s)", async (_, open) => {
    const slipway = open();
    expect(problemOf(await errorOf(slipway.client(VersionService).get({})))).toMatchObject({
      code: Code.Unavailable,
      message: `cannot reach ${platform.url}: its certificate is self-signed and not trusted (DEPTH_ZERO_SELF_SIGNED_CERT)`,
    });
    const states: string[] = [];
    const watched = watch((__, signal) => slipway.client(StatusService).watch({}, { signal }), {
      onState: (state) => void states.push(state),
    });
    expect(problemOf(await errorOf(watched.next())).message).toContain("certificate");
    expect(states).toEqual(["connecting"]);
  });
});

describe("where no Slipway answers", () => {
  /** A port that says something to whoever connects, and hangs up. */
  async function strange(greeting: string) {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.end(greeting);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return { port: (server.address() as AddressInfo).port, close: () => server.close() };
  }

  it.each([
    ["", /^cannot reach http:\/\/127\.0\.0\.1:\d+: connection (closed|reset)|the answer was cut short/],
    [
      "HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n",
      /^cannot reach .*: the server does not speak HTTP\/2 there$/,
    ],
  ])("a client says so after %j", async (greeting, message) => {
    const { port, close } = await strange(greeting);
    const version = openNode({ url: `http://127.0.0.1:${port}` }).client(VersionService);
    expect(problemOf(await errorOf(version.get({})))).toMatchObject({ code: Code.Unavailable, message });
    close();
  });

  it("a client says so for hosts that do not exist, and ports without TLS", async () => {
    const nowhere = openNode({ url: "http://slipway.invalid" }).client(VersionService);
    expect(problemOf(await errorOf(nowhere.get({}))).message).toMatch(
      /^cannot reach http:\/\/slipway\.invalid: (no such host|host name cannot be resolved now)$/,
    );
    const { port, close } = await strange("hello\r\n");
    const plain = openNode({ url: `https://127.0.0.1:${port}` }).client(VersionService);
    expect(problemOf(await errorOf(plain.get({}))).message).toMatch(/: TLS failed; the server may not speak TLS/);
    close();
  });
});

it.each([
  ["slipway.example.com", /is not a URL/],
  ["ftp://slipway.example.com", /must begin with https/],
  [`https://me:${randomBytes(4).toString("hex")}@slipway.example.com`, /must not hold credentials; give a token$/],
  ["https://slipway.example.com/?a=b", /must not have a query/],
])("a client does not take %s for its server", (url, message) => {
  expect(() => serverUrl(url)).toThrow(message);
  expect(() => openNode({ url })).toThrow(message);
  expect(() => openBrowser({ url })).toThrow(message);
});

it("what is tried again only reads", () => {
  const reads = allServices.flatMap(({ methods }) => methods.filter(isRead).map(({ name }) => name));
  const writes = allServices.flatMap(({ methods }) =>
    methods.filter((method) => !isRead(method)).map(({ name }) => name),
  );
  const verbs =
    /^(Create|Update|Delete|Add|Remove|Set|Start|Stop|Restart|Retry|Revoke|Rotate|Scale|Move|Run|Send|Post)/;
  expect(reads.filter((name) => verbs.test(name))).toEqual([]);
  expect(writes.filter((name) => /^(Get|List|WhoAmI)/.test(name))).toEqual([]);
  expect(reads).toEqual(expect.arrayContaining(["InvitesList", "InviteGet", "TokenScopedList", "CheckAdmitted"]));
  expect(writes).toEqual(expect.arrayContaining(["InviteAccept", "ExchangeToken", "Watch", "Preview"]));
});

describe("a problem", () => {
  it("is found in whatever was thrown", () => {
    expect(problemOf(new DOMException("stopped", "AbortError"))).toMatchObject({ code: Code.Canceled });
    expect(problemOf(new DOMException("too late", "TimeoutError"))).toMatchObject({ code: Code.DeadlineExceeded });
    expect(problemOf(new TypeError("Failed to fetch"))).toMatchObject({ code: Code.Unavailable });
    expect(problemOf(new TypeError("x is not a function"))).toMatchObject({ code: Code.Unknown });
    expect(problemOf("no error at all")).toEqual({ code: Code.Unknown, message: "no error at all", violations: [] });
  });

  it("is read from details that cannot be read, without them", () => {
    const error = new ConnectError("wrong", Code.InvalidArgument);
    const value = new Uint8Array([10, 200, 1]);
    error.details = ["google.rpc.BadRequest", "buf.validate.Violations", "google.rpc.RetryInfo"].map((type) => ({
      type,
      value,
    }));
    expect(problemOf(error)).toMatchObject({ code: Code.InvalidArgument, message: "wrong", violations: [] });
  });
});
