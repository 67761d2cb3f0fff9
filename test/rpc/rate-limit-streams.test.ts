import { connect } from "node:http2";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterEach, describe, expect, it } from "vitest";
import { ClusterService } from "../../gen/ts/api/v1/cluster_pb.js";
import { Health } from "../../gen/ts/grpc/health/v1/health_pb.js";
import { StatusService, StatusServiceWatchResponseSchema } from "../../gen/ts/status/v1/status_pb.js";
import { RetryInfoSchema } from "../../src/rpc/error-details.js";
import type { StreamLimits } from "../../src/rpc/stream-limit.js";
import { as, authenticate, project } from "./support/callers.js";
import { startServer, type TestServer, until } from "./support/server.js";
import { newScript, registerServices } from "./support/services.js";
import { dialects } from "./support/transports.js";

const servers: TestServer[] = [];
const readers: Reader[] = [];
afterEach(async () => {
  for (const reader of readers.splice(0)) reader.close();
  for (const server of servers.splice(0)) await server.close();
});

/** How a status stream ends after its first message. */
type Ending = "never" | "well" | "with an error";

/** A server with a public stream whose handler ends as it is told. */
async function start(limits: Partial<StreamLimits>, ending: { now: Ending } = { now: "never" }): Promise<TestServer> {
  const server = await startServer({
    now: () => 1_000,
    authenticate: (token) => authenticate(token.toLowerCase()),
    trustedProxies: ["127.0.0.1"],
    routes(router) {
      registerServices(router, newScript());
      router.service(StatusService, {
        async *watch() {
          yield create(StatusServiceWatchResponseSchema, { apiVersion: "1" });
          if (ending.now === "with an error") throw new ConnectError("it broke", Code.DataLoss);
          if (ending.now === "never") await new Promise(() => {});
        },
      });
    },
    limits: { anonymousStreams: 0, anonymousStreamsPerNetwork: 0, tokenStreams: 0, ...limits },
  });
  servers.push(server);
  return server;
}

interface Reader {
  /** "open" after the first message, or the error with which the stream was refused. */
  readonly opened: Promise<"open" | ConnectError>;
  close(): void;
}

/** Reads a stream until it is closed. */
function read(open: (signal: AbortSignal) => AsyncIterable<unknown>): Reader {
  const stop = new AbortController();
  const opened = new Promise<"open" | ConnectError>((resolve) => {
    void (async () => {
      for await (const _ of open(stop.signal)) resolve("open");
    })().catch((error: unknown) => resolve(ConnectError.from(error)));
  });
  const reader = { opened, close: () => stop.abort() };
  readers.push(reader);
  return reader;
}

const grpc = (server: TestServer) => createGrpcTransport({ baseUrl: server.url });
const from = (address: string) => ({ "x-forwarded-for": address });

const watchStatus = (server: TestServer, address = "203.0.113.1", transport: Transport = grpc(server)): Reader =>
  read((signal) => createClient(StatusService, transport).watch({}, { signal, headers: from(address) }));
const watchClusters = (server: TestServer, token: string, address = "203.0.113.1"): Reader =>
  read((signal) =>
    createClient(ClusterService, grpc(server)).watchStatus(
      { project },
      { signal, headers: { ...from(address), ...as(token).headers } },
    ),
  );
const watchHealth = (server: TestServer): Reader =>
  read((signal) => createClient(Health, grpc(server)).watch({}, { signal }));

/** What became of a stream: "open", or the words of the refusal. */
const fate = async ({ opened }: Reader): Promise<string> => {
  const result = await opened;
  if (result === "open") return result;
  return result.code === Code.ResourceExhausted ? result.rawMessage : `${Code[result.code]}: ${result.rawMessage}`;
};
const ofAddress = "too many streams without a token are open from this address; close one first";
const ofAll = "too many streams without a token are open at this server; try another one, or later";
const ofToken = "too many streams are open with this token; close one first";

/** Opens until one is let through: the end of an earlier one reaches the server a moment later. */
async function opensInTheEnd(open: () => Reader): Promise<void> {
  let isOpen = false;
  let isTrying = false;
  await until(() => {
    if (!isOpen && !isTrying) {
      isTrying = true;
      void fate(open()).then((result) => {
        isTrying = false;
        isOpen = result === "open";
      });
    }
    return isOpen;
  });
}

describe.each(dialects)("$name", ({ connect: transportTo }) => {
  it("only so many anonymous streams of an address are open at once, and whoever waits gets its turn", async () => {
    const server = await start({ anonymousStreamsPerNetwork: 2 });
    const open = () => read((signal) => createClient(StatusService, transportTo(server.url)).watch({}, { signal }));
    const first = open();
    expect([await fate(first), await fate(open())]).toEqual(["open", "open"]);
    const refused = await open().opened;
    if (refused === "open") throw new Error("the third stream was opened");
    expect([refused.code, refused.rawMessage]).toEqual([Code.ResourceExhausted, ofAddress]);
    const [info] = refused.findDetails(RetryInfoSchema) as { retryDelay?: { seconds: bigint } }[];
    expect([info?.retryDelay?.seconds, refused.metadata.get("retry-after")]).toEqual([5n, "5"]);
    first.close();
    await opensInTheEnd(open);
  });
});

describe("anonymous streams", () => {
  it("are counted by address, a whole /64 as one", async () => {
    const server = await start({ anonymousStreamsPerNetwork: 2 });
    expect(await fate(watchStatus(server, "2001:db8:1:2::1"))).toBe("open");
    expect(await fate(watchStatus(server, "2001:db8:1:2:ffff::2"))).toBe("open");
    expect(await fate(watchStatus(server, "2001:db8:1:2:3:4:5:6"))).toBe(ofAddress);
    expect(await fate(watchStatus(server, "2001:db8:1:3::1"))).toBe("open");
    expect(await fate(watchStatus(server, "203.0.113.1"))).toBe("open");
  });

  it("are counted all together", async () => {
    const server = await start({ anonymousStreams: 3, anonymousStreamsPerNetwork: 2 });
    const opened = [];
    for (const address of ["203.0.113.1", "203.0.113.2", "203.0.113.3"]) {
      opened.push(await fate(watchStatus(server, address)));
    }
    expect(opened).toEqual(["open", "open", "open"]);
    expect(await fate(watchStatus(server, "203.0.113.4"))).toBe(ofAll);
    // Whoever has a token is not held up.
    expect(await fate(watchClusters(server, "viewer"))).toBe("open");
  });

  it.each(["well", "with an error", "never"] as const)("count no longer when they end: %s", async (now) => {
    const ending = { now };
    const server = await start({ anonymousStreams: 2 }, ending);
    for (let round = 0; round < 8; round++) {
      let reader: Reader | undefined;
      await opensInTheEnd(() => (reader = watchStatus(server)));
      // One that its handler does not end is left by its reader.
      if (now === "never") reader?.close();
    }
    ending.now = "never";
    await opensInTheEnd(() => watchStatus(server));
    await opensInTheEnd(() => watchStatus(server));
    expect(await fate(watchStatus(server))).toBe(ofAll);
  });

  it("count as soon as they are asked for, though the request never comes", async () => {
    const server = await start({ anonymousStreams: 1 });
    const session = connect(server.url);
    const stalled = session.request({
      ":method": "POST",
      ":path": `/${StatusService.typeName}/Watch`,
      "content-type": "application/grpc",
      te: "trailers",
    });
    stalled.on("error", () => {});
    let refused = "";
    await until(() => {
      if (refused === "") {
        refused = "asking";
        const reader = watchStatus(server);
        void fate(reader).then((result) => {
          reader.close();
          refused = result === "open" ? "" : result;
        });
      }
      return refused === ofAll;
    });
    stalled.close();
    await opensInTheEnd(() => watchStatus(server));
    session.destroy();
  });

  it("that are refused leave one audit record of a flood", async () => {
    const server = await start({ anonymousStreamsPerNetwork: 1 });
    expect(await fate(watchStatus(server))).toBe("open");
    for (let time = 0; time < 10; time++) expect(await fate(watchStatus(server))).toBe(ofAddress);
    await until(() => server.lines.filter(({ code }) => code === "resource_exhausted").length === 10);
    expect(server.audits.filter(({ code }) => code === Code.ResourceExhausted)).toHaveLength(1);
  });

  it("of balancers that watch a server are bounded, too, but apart from the others", async () => {
    const server = await start({ anonymousStreams: 1 });
    expect(await fate(watchStatus(server))).toBe("open");
    expect(await fate(watchHealth(server))).toBe("open");
    expect(await fate(watchHealth(server))).toBe(ofAll);
    const { check } = createClient(Health, grpc(server));
    for (let time = 0; time < 5; time++) expect(await check({})).toMatchObject({ status: 1 });
  });

  it("are not limited where the limits are off", async () => {
    const server = await start({});
    const all = Array.from({ length: 50 }, () => fate(watchStatus(server)));
    expect(new Set(await Promise.all(all))).toEqual(new Set(["open"]));
  });
});

describe("streams with a token", () => {
  it("are counted by the token, from wherever and however it is sent", async () => {
    const server = await start({ tokenStreams: 2, anonymousStreams: 1 });
    const first = watchClusters(server, "viewer", "203.0.113.1");
    expect(await fate(first)).toBe("open");
    expect(await fate(watchClusters(server, "Viewer", "203.0.113.2"))).toBe("open");
    expect(await fate(watchClusters(server, "vieweR", "203.0.113.3"))).toBe(ofToken);
    expect(await fate(watchClusters(server, "owner"))).toBe("open");
    first.close();
    await opensInTheEnd(() => watchClusters(server, "viewer"));
  });
});
