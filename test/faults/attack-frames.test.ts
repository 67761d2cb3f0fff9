import { afterAll, beforeAll, expect, it } from "vitest";
import { type Attacked, attacked } from "./support/attack.js";
import {
  endHeaders,
  endStream,
  frame,
  frameTypes,
  hpack,
  type RawHttp2,
  rawHttp2,
  uint32,
} from "./support/http2-frames.js";
import { headersOf } from "./support/raw-calls.js";

const growthMb = 150;

let server: Attacked;
beforeAll(async () => {
  server = await attacked({ listen: { requestTimeoutMs: 3_000 }, limits: { bodyTimeoutMs: 3_000 } });
});
afterAll(() => server.close());

/** Sends the same bytes on and on, for a second or 10 MB, unless the connection ends before. */
async function flood(client: RawHttp2, bytes: Buffer): Promise<void> {
  const until = performance.now() + 1_000;
  for (let sent = 0; sent < 10e6 && performance.now() < until && !client.closed; sent += bytes.length) {
    await client.send(bytes);
  }
}

const many = (make: (at: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: 4_000 }, (_, at) => make(at)));

/** A frame of a type that nobody knows. */
function unknownFrame(): Buffer {
  const bytes = frame("ping", 0, 0);
  bytes[3] = 99;
  return bytes;
}

it.each<[string, Buffer]>([
  ["PING", many(() => frame("ping", 0, 0, Buffer.alloc(8)))],
  ["SETTINGS", many(() => frame("settings", 0, 0))],
  [
    "SETTINGS that change the HPACK table",
    many((at) => frame("settings", 0, 0, Buffer.concat([Buffer.of(0, 1), uint32(at % 4_096)]))),
  ],
  ["empty DATA", many(() => frame("data", 0, 1))],
  [
    "empty CONTINUATION",
    Buffer.concat([frame("headers", 0, 3, headersOf("Get")), many(() => frame("continuation", 0, 3))]),
  ],
  ["WINDOW_UPDATE of nothing", many(() => frame("windowUpdate", 0, 1, uint32(0)))],
])("floods of %s end their connection", async (_, bytes) => {
  const client = await rawHttp2(server.port);
  await client.send(frame("headers", endHeaders, 1, headersOf("Get")));
  await server.withstands(
    async () => {
      await flood(client, bytes);
      await client.ended;
    },
    { growthMb },
  );
});

it.each<[string, Buffer]>([
  ["WINDOW_UPDATE", many(() => frame("windowUpdate", 0, 0, uint32(1)))],
  ["PRIORITY", many((at) => frame("priority", 0, 3 + 2 * at, Buffer.concat([uint32(1), Buffer.of(3)])))],
  ["unknown types", many(unknownFrame)],
])("floods of %s cost nobody else much, and their connection lasts no longer than its calls", async (_, bytes) => {
  const clients = await Promise.all(Array.from({ length: 3 }, () => rawHttp2(server.port)));
  await server.withstands(
    async () => {
      await Promise.all(clients.map((client) => flood(client, bytes)));
      await Promise.all(clients.map((client) => client.ended));
    },
    { growthMb },
  );
});

it("a header block of many CONTINUATION frames ends its connection", async () => {
  const client = await rawHttp2(server.port);
  const pad = hpack([["x-pad", "x".repeat(1_000)]]);
  await server.withstands(
    async () => {
      await client.send(frame("headers", 0, 1, headersOf("Get")));
      await flood(
        client,
        many(() => frame("continuation", 0, 1, pad)),
      );
      await client.ended;
    },
    { growthMb },
  );
});

it.each<[string, Buffer]>([
  ["many fields", hpack(Array.from({ length: 1_000 }, (_, at) => [`x-${at}`, "1"] as const))],
  ["large fields", hpack(Array.from({ length: 30 }, (_, at) => [`x-${at}`, "x".repeat(1_000)] as const))],
  // A field of 3,900 bytes goes into the table once, and is meant again by each of the bytes that follow.
  [
    "an HPACK bomb",
    Buffer.concat([Buffer.of(0x40), hpack([["x-bomb", "x".repeat(3_900)]]).subarray(1), Buffer.alloc(12_000, 0xbe)]),
  ],
])("requests with %s are refused", async (_, fields) => {
  const client = await rawHttp2(server.port);
  const block = Buffer.concat([headersOf("Get"), fields]);
  const requests = Array.from({ length: 500 }, (_, at) => headersFrames(1 + 2 * at, block));
  await server.withstands(
    async () => {
      for (const request of requests) await client.send(...request);
      const refused = () => client.frames.filter(({ type }) => type === frameTypes.rstStream).length;
      await expect.poll(() => client.closed || refused() === requests.length, { timeout: 10_000 }).toBe(true);
    },
    { growthMb, retreat: client.close },
  );
  expect(client.frames.filter(({ type }) => type === frameTypes.headers)).toEqual([]);
});

/** A header block in a HEADERS frame and as many CONTINUATION frames as it takes. */
function headersFrames(stream: number, block: Buffer<ArrayBuffer>): Buffer[] {
  const size = 16_000;
  const last = Math.floor((block.length - 1) / size);
  return Array.from({ length: last + 1 }, (_, at) => {
    const flags = (at === 0 ? endStream : 0) | (at === last ? endHeaders : 0);
    return frame(at === 0 ? "headers" : "continuation", flags, stream, block.subarray(at * size, (at + 1) * size));
  });
}
