import { type ClientHttp2Session, connect, constants } from "node:http2";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { pino } from "pino";
import { afterEach, describe, expect, it } from "vitest";
import {
  ClusterService,
  type ClusterServiceWatchStatusResponse,
  ClusterServiceWatchStatusResponseSchema,
} from "../../gen/ts/api/v1/cluster_pb.js";
import type { ChangeFeed, ChangeListener } from "../../src/changes/feed.js";
import { createFollower } from "../../src/changes/follow.js";
import { as, project } from "./support/callers.js";
import { startServer, type TestServer, until } from "./support/server.js";
import { reading, watch } from "./support/status-streams.js";

/** A row as a service would read it, of any size. */
interface Row {
  readonly version: number;
  readonly text: string;
}

let server: TestServer;
let sessions: ClientHttp2Session[] = [];

afterEach(async () => {
  for (const session of sessions) session.destroy();
  sessions = [];
  await server.close();
});

/** A server whose WatchStatus follows one row, and the hand that changes it. */
async function startFollowed() {
  let row: Row = { version: 1, text: "first" };
  let tell: ChangeListener = () => {};
  let made = 0;
  let taken = 0;
  const feed: ChangeFeed = {
    subscribe(_, listener) {
      tell = listener;
      return () => {};
    },
    status: () => ({ connected: true, lastReadAt: new Date() }),
    close: async () => {},
  };
  const follower = createFollower<Row>({
    feed,
    topic: "row",
    load: async () => [row],
    keyOf: () => "row",
    scopeOf: () => project,
    versionOf: ({ version }) => version,
    log: pino({ level: "silent" }),
  });
  const shown = new WeakMap<Row, ClusterServiceWatchStatusResponse>();
  const show = (item: Row): ClusterServiceWatchStatusResponse => {
    taken += 1;
    const known = shown.get(item);
    if (known !== undefined) return known;
    made += 1;
    const status = { progress: item.version, state: item.text };
    const response = create(ClusterServiceWatchStatusResponseSchema, { status });
    shown.set(item, response);
    return response;
  };
  server = await startServer({
    limits: { tokenStreams: 0 },
    routes: (router) =>
      router.service(ClusterService, {
        watchStatus: (_, { signal }) => follower.show({ scope: project, initial: async () => [row] }, { show }, signal),
      }),
  });
  return {
    follower,
    /** How many messages were made, and how many all readers together have taken. */
    counts: () => ({ made, taken }),
    change(text: string) {
      row = { version: row.version + 1, text };
      tell([{ topic: "row", scope: project, key: "row" }]);
      return row.version;
    },
  };
}

function openSession(): ClientHttp2Session {
  const session = connect(server.url);
  session.on("error", () => {});
  sessions.push(session);
  return session;
}

const progress = (messages: ClusterServiceWatchStatusResponse[]) => messages.map(({ status }) => status?.progress);

describe("one change and a thousand readers", () => {
  it("all get the same bytes, made once, and nothing stays of those who leave", async () => {
    const { follower, change, counts } = await startFollowed();
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    const before = timers();
    const all = Array.from({ length: 10 }, openSession).flatMap((session) =>
      Array.from({ length: 100 }, () => {
        const stream = watch(session);
        return { stream, ...reading(stream) };
      }),
    );
    await until(() => all.every(({ messages }) => messages().length === 1));
    expect([server.lifecycle.streams.size, follower.readers]).toEqual([1_000, 1_000]);
    // Silence takes no timers but a few for ten connections and for the server.
    expect(timers() - before).toBeLessThan(50);
    change("second");
    await until(() => all.every(({ messages }) => messages().length === 2));
    expect(new Set(all.map(({ bytes }) => bytes().toString("hex"))).size).toBe(1);
    expect(all[0]?.messages()).toMatchObject([
      { status: { progress: 1, state: "first" } },
      { status: { progress: 2, state: "second" } },
    ]);
    expect(counts()).toEqual({ made: 2, taken: 2_000 });
    // Half of them cancel, the others lose their connection.
    for (const { stream } of all.slice(0, 500)) stream.close(constants.NGHTTP2_CANCEL);
    await until(() => follower.readers === 500);
    for (const session of sessions) session.destroy();
    await until(() => follower.readers === 0 && server.lifecycle.streams.size === 0);
    await until(() => server.lines.filter(({ msg }) => msg === "call").length === 1_000);
    const codes = server.lines.filter(({ msg }) => msg === "call").map(({ code }) => code);
    expect(new Set(codes)).toEqual(new Set(["canceled"]));
    expect(server.audits.filter(({ phase }) => phase === "request")).toHaveLength(
      server.audits.filter(({ phase }) => phase === "response").length,
    );
  });
});

describe("a reader who reads slowly, or not at all", () => {
  it("gets the newest state when it reads on, and delays nobody", async () => {
    const { change } = await startFollowed();
    const text = "x".repeat(8_000);
    const slow = watch(openSession());
    const quick = reading(watch(openSession()));
    await until(() => quick.messages().length === 1);
    let last = 1;
    for (let round = 0; round < 60; round++) {
      last = change(text);
      // Each is there before the next one is made.
      await until(() => progress(quick.messages()).at(-1) === last);
    }
    expect(progress(quick.messages())).toEqual(Array.from({ length: 61 }, (_, at) => at + 1));
    const late = reading(slow);
    await until(() => progress(late.messages()).at(-1) === last);
    const got = progress(late.messages());
    // What the network had taken before it was full, and the last state: not the 60 changes.
    expect(got.length).toBeLessThan(40);
    expect(got).toEqual(got.toSorted((one, other) => Number(one) - Number(other)));
  });

  it("holds no more than its share of messages, however many there are", async () => {
    const { change, counts, follower } = await startFollowed();
    const lazy = Array.from({ length: 50 }, () => watch(openSession()));
    const quick = reading(watch(openSession()));
    await until(() => follower.readers === 51 && quick.messages().length === 1);
    const text = "x".repeat(50_000);
    let last = 1;
    for (let round = 0; round < 100; round++) {
      last = change(`${round} ${text}`);
      await until(() => progress(quick.messages()).at(-1) === last);
    }
    // All of the one who reads, and of the others what the network takes before it is full.
    expect(counts().taken - 101).toBeLessThan(50 * 10);
    for (const stream of lazy) stream.close();
    await until(() => follower.readers === 1);
  });
});

describe("the end of a stream", () => {
  const failing = (routes: () => AsyncIterable<object>) =>
    startServer({
      routes: (router) => router.service(ClusterService, { watchStatus: routes as never }),
    });

  it("with an error after messages carries code, words, details and trailers", async () => {
    server = await failing(async function* () {
      yield { status: { state: "one" } };
      throw new ConnectError("lost, for 100 %", Code.DataLoss, { "x-why": "because" });
    });
    const client = createClient(ClusterService, createGrpcTransport({ baseUrl: server.url }));
    const states: (string | undefined)[] = [];
    const error = await (async () => {
      for await (const { status } of client.watchStatus({ project }, as("viewer"))) states.push(status?.state);
    })().catch((reason: unknown) => ConnectError.from(reason));
    expect(states).toEqual(["one"]);
    expect(error).toMatchObject({ code: Code.DataLoss, rawMessage: "lost, for 100 %" });
    expect(error?.metadata.get("x-why")).toBe("because");
    await until(() => server.lifecycle.streams.size === 0);
  });

  it("that cannot be encoded, or is too large, is an error of its own, and its source is let go", async () => {
    let released = 0;
    const text = "x".repeat(2_000);
    const watches = async function* () {
      try {
        yield { status: { state: "small" } };
        yield { status: { state: text } };
      } finally {
        released += 1;
      }
    };
    server = await startServer({
      limits: { writeMaxBytes: 1_000 },
      routes: (router) => router.service(ClusterService, { watchStatus: watches }),
    });
    const client = createClient(ClusterService, createGrpcTransport({ baseUrl: server.url }));
    const seen: unknown[] = [];
    const error = await (async () => {
      for await (const message of client.watchStatus({ project }, as("viewer"))) seen.push(message);
    })().catch((reason: unknown) => ConnectError.from(reason));
    expect(seen).toHaveLength(1);
    expect(error).toMatchObject({ code: Code.ResourceExhausted });
    await until(() => released === 1 && server.lifecycle.streams.size === 0);
  });

  it("large messages are compressed for those who take it, once", async () => {
    const message = create(ClusterServiceWatchStatusResponseSchema, { status: { state: "x".repeat(20_000) } });
    server = await failing(async function* () {
      yield message;
      yield message;
    });
    const stream = watch(openSession(), { "grpc-accept-encoding": "gzip" });
    const { bytes } = reading(stream);
    const headers = new Promise<Record<string, unknown>>((resolve) => stream.once("response", resolve));
    expect((await headers)["grpc-encoding"]).toBe("gzip");
    await new Promise((resolve) => stream.once("end", resolve));
    const half = bytes().length / 2;
    expect(bytes()[0]).toBe(1);
    expect(half).toBeLessThan(1_000);
    expect(bytes().subarray(0, half).equals(bytes().subarray(half))).toBe(true);
  });
});

describe("headers", () => {
  it("say that the stream is open before its first message", async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    server = await startServer({
      routes: (router) =>
        router.service(ClusterService, {
          async *watchStatus() {
            await held;
            yield { status: { state: "late" } };
          },
        }),
    });
    const stream = watch(openSession());
    const headers = await new Promise<Record<string, unknown>>((resolve) => stream.once("response", resolve));
    expect(headers).toMatchObject({ ":status": 200, "content-type": "application/grpc+proto" });
    const { messages } = reading(stream);
    expect(messages()).toEqual([]);
    release();
    await until(() => messages().length === 1);
  });
});
