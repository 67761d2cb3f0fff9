import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { selfSigned } from "../rpc/support/certificate.js";
import { dial } from "../rpc/support/sockets.js";
import { type Attacked, attacked } from "./support/attack.js";
import { endHeaders, frame, preface, rawHttp2 } from "./support/http2-frames.js";
import { headersOf } from "./support/raw-calls.js";

const growthMb = 150;
const connections = 100;
const timeouts = { headersTimeoutMs: 1_000, requestTimeoutMs: 2_000, idleTimeoutMs: 3_000 };

/** Sends the bytes one at a time to many connections, until all are closed. */
async function dribble(port: number, bytes: Buffer): Promise<void> {
  const sockets = await Promise.all(Array.from({ length: connections }, () => dial(port)));
  const closed = Promise.all(sockets.map(isClosed));
  let isOver = false;
  void closed.then(() => {
    isOver = true;
  });
  for (let at = 0; !isOver && at < 600; at += 1) {
    for (const socket of sockets)
      if (socket.writable) socket.write(bytes.subarray(at % bytes.length, (at % bytes.length) + 1));
    await sleep(50);
  }
  await closed;
}

async function isClosed(socket: Socket): Promise<void> {
  // What was sent after the server has closed its side is answered by a reset.
  socket.on("error", () => {});
  socket.resume().on("end", () => socket.destroy());
  await new Promise((resolve) => socket.once("close", resolve));
}

describe("without TLS", () => {
  let server: Attacked;
  beforeAll(async () => {
    server = await attacked({ listen: timeouts, limits: { bodyTimeoutMs: 2_000 } });
  });
  afterAll(() => server.close());

  it.each<[string, string | Buffer]>([
    ["the preface of HTTP/2", preface],
    ["headers of HTTP/1.1", `GET /livez HTTP/1.1\r\nhost: x\r\nx-long: ${"x".repeat(10_000)}`],
  ])("%s, a byte at a time, are waited for no longer than the timeout", async (_, bytes) => {
    await server.withstands(() => dribble(server.port, Buffer.from(bytes)), { growthMb });
  });

  it("bodies of HTTP/1.1, a byte at a time, are waited for no longer than the timeout", async () => {
    const head =
      "POST /api.v1.ClusterService/Get HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nauthorization: Bearer owner\r\ncontent-length: 100000\r\n\r\n";
    await server.withstands(
      async () => {
        const sockets = await Promise.all(Array.from({ length: connections }, () => dial(server.port)));
        for (const socket of sockets) socket.write(head);
        const closed = Promise.all(sockets.map(isClosed));
        for (let at = 0; at < 30; at += 1) {
          for (const socket of sockets) if (socket.writable) socket.write(" ");
          await sleep(50);
        }
        await closed;
      },
      { growthMb },
    );
  });

  it.each<[string, Buffer[]]>([
    ["that say nothing", []],
    ["whose SETTINGS do not end", [frame("settings", 0, 0, Buffer.alloc(6)).subarray(0, 12)]],
    ["whose headers do not end", [frame("settings", 0, 0), frame("headers", 0, 1, headersOf("Get"))]],
    [
      "whose HEADERS frame does not end",
      [frame("settings", 0, 0), frame("headers", endHeaders, 1, headersOf("Get")).subarray(0, 60)],
    ],
  ])("HTTP/2 connections %s are closed", async (_, bytes) => {
    await server.withstands(
      async () => {
        const clients = await Promise.all(
          Array.from({ length: connections }, () =>
            rawHttp2(server.port, Buffer.concat([Buffer.from(preface), ...bytes])),
          ),
        );
        await Promise.all(clients.map(({ ended }) => ended));
      },
      { growthMb },
    );
  });

  it("calls over HTTP/2 whose DATA comes byte by byte are ended", async () => {
    await server.withstands(
      async () => {
        const clients = await Promise.all(Array.from({ length: 5 }, () => rawHttp2(server.port)));
        const ids = Array.from({ length: 100 }, (_, at) => 1 + 2 * at);
        for (const client of clients)
          await client.send(...ids.map((id) => frame("headers", endHeaders, id, headersOf("Get"))));
        for (let at = 0; at < 60; at += 1) {
          for (const client of clients) await client.send(...ids.map((id) => frame("data", 0, id, Buffer.alloc(1))));
          await sleep(50);
        }
        for (const { frames } of clients)
          expect(frames.filter(({ type }) => type === 3).length).toBeGreaterThanOrEqual(100);
        await Promise.all(clients.map(({ ended }) => ended));
      },
      { growthMb },
    );
  });
});

describe("with TLS", () => {
  let server: Attacked;
  beforeAll(async () => {
    server = await attacked({ listen: { ...timeouts, tls: await selfSigned() } });
  });
  afterAll(() => server.close());

  // The beginning of a ClientHello of 500 bytes.
  const hello = Buffer.concat([Buffer.from("16030101f4010001f00303", "hex"), Buffer.alloc(100)]);
  it.each<[string, Buffer]>([
    ["that say nothing", Buffer.alloc(0)],
    ["that say half a hello", hello],
  ])("connections %s are closed", async (_, bytes) => {
    await server.withstands(
      async () => {
        const sockets = await Promise.all(Array.from({ length: connections }, () => dial(server.port)));
        for (const socket of sockets) socket.write(bytes);
        await Promise.all(sockets.map(isClosed));
      },
      { growthMb },
    );
  });

  it("handshakes that come a byte at a time are waited for no longer than the timeout", async () => {
    await server.withstands(() => dribble(server.port, hello), { growthMb });
  });
});
