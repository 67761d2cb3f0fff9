import { createServer, type Http2Server, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Target } from "../../bench/call.js";
import { envelope } from "../../bench/grpc.js";
import { openLoad, openVariedLoad } from "../../bench/load.js";
import type { BenchRun } from "../../bench/measure.js";
import { isThere } from "../../bench/placement.js";
import { compileServers } from "../../bench/servers.js";

const message = Buffer.from("what is asked");
const answer = Buffer.from("what is answered");

let server: Http2Server;
let target: Target;
let closers: (() => Promise<void> | void)[];
/** The bodies of all requests, as text. */
let asked: string[];
/** Answers the request of that number, from 0. */
let respond: (stream: ServerHttp2Stream, number: number) => void;

beforeAll(() => compileServers(), 300_000);

beforeEach(async () => {
  closers = [];
  asked = [];
  respond = (stream) => succeed(stream, answer);
  server = createServer();
  server.on("stream", (stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on("error", () => {});
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      const isOurs = headers[":path"] === "/test" && headers.authorization === "Bearer secret" && headers.te;
      asked.push(Buffer.concat(chunks).subarray(5).toString());
      if (isOurs) respond(stream, asked.length - 1);
      else fail(stream);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  target = { url: `http://127.0.0.1:${port}`, path: "/test", protocol: "grpc", http: 2, message, token: "secret" };
});

afterEach(async () => {
  for (const close of closers.reverse()) await close();
  await new Promise((resolve) => server.close(resolve));
});

function succeed(stream: ServerHttp2Stream, body: Buffer): void {
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.end(envelope(body));
}

function fail(stream: ServerHttp2Stream): void {
  stream.respond({ ":status": 200, "content-type": "application/grpc", "grpc-status": "13" }, { endStream: true });
}

function benchRun(generator: BenchRun["generator"]): BenchRun {
  return {
    short: true,
    generator,
    databaseUrl: undefined,
    profileDir: undefined,
    report: () => {},
    onEnd: (close) => void closers.push(close),
  };
}

describe.each(isThere("h2load") ? (["h2load", "node"] as const) : (["node"] as const))("load by %s", (generator) => {
  it("makes every call of a round, and each brings its answer", async () => {
    const { answer: first, load } = await openLoad(benchRun(generator), target);
    expect(first.equals(envelope(answer))).toBe(true);
    const before = asked.length;
    const { calls, seconds } = await load(1);
    // One more, whose answer is compared.
    expect(asked.length - before).toBe(calls + 1);
    expect(new Set(asked)).toEqual(new Set([message.toString()]));
    expect(seconds).toBeGreaterThan(0);
  });

  it("counts no error as an answer, which HTTP calls a success", async () => {
    const { load } = await openLoad(benchRun(generator), target);
    respond = (stream, number) => (number === 50 ? fail(stream) : succeed(stream, answer));
    await expect(load(1)).rejects.toThrow();
  });

  it("notices answers that have become longer", async () => {
    const { load } = await openLoad(benchRun(generator), target);
    respond = (stream, number) => succeed(stream, number === 50 ? Buffer.concat([answer, answer]) : answer);
    await expect(load(1)).rejects.toThrow();
  });

  it("notices answers that say something else than the first one", async () => {
    const { load } = await openLoad(benchRun(generator), target);
    respond = (stream) => succeed(stream, Buffer.from("what is ANSWERED"));
    await expect(load(1)).rejects.toThrow("something else");
  });
});

it("makes requests that differ, none of them twice", async () => {
  const counted = "b000000";
  const load = await openVariedLoad(benchRun("node"), { ...target, message: Buffer.from(`<${counted}>`), counted });
  const first = await load(1);
  const second = await load(1);
  expect(asked).toHaveLength(first.calls + second.calls);
  expect(new Set(asked).size).toBe(asked.length);
  expect(asked.every((text) => /^<b\d{6}>$/.test(text))).toBe(true);
});
