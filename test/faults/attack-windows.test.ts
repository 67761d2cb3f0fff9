import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { project } from "../rpc/support/callers.js";
import { dial } from "../rpc/support/sockets.js";
import { type Attacked, attacked } from "./support/attack.js";
import { frame, frameTypes, preface, type RawHttp2, rawHttp2, setting, uint32 } from "./support/http2-frames.js";
import { listCall, watchCall } from "./support/raw-calls.js";

// Much of it is what answering so many lists at once takes.
const growthMb = 400;
const initialWindowSize = 4;
const noWindow = Buffer.concat([Buffer.from(preface), setting(initialWindowSize, 0)]);
const ids = Array.from({ length: 200 }, (_, at) => 1 + 2 * at);

let server: Attacked;
beforeAll(async () => {
  server = await attacked({ listen: { stalledTimeoutMs: 2_000, idleTimeoutMs: 4_000, requestTimeoutMs: 4_000 } });
});
afterAll(() => server.close());

const resetsOf = ({ frames }: RawHttp2): number => frames.filter(({ type }) => type === frameTypes.rstStream).length;

it("answers that no window lets through are given up, and then the connection", async () => {
  await server.withstands(
    async () => {
      const clients = await Promise.all(Array.from({ length: 5 }, () => rawHttp2(server.port, noWindow)));
      for (const client of clients) await client.send(...ids.map(listCall));
      await Promise.all(clients.map(({ ended }) => ended));
      for (const client of clients) expect(resetsOf(client)).toBe(ids.length);
    },
    { growthMb },
  );
});

it("windows that open by a byte at a time do not hold answers up for ever", async () => {
  const client = await rawHttp2(server.port, noWindow);
  await server.withstands(
    async () => {
      await client.send(...ids.map(listCall));
      for (let turn = 0; turn < 200 && !client.closed; turn += 1) {
        await client.send(...ids.map((id) => frame("windowUpdate", 0, id, uint32(1))));
        await sleep(50);
      }
      await client.ended;
    },
    { growthMb },
  );
});

/** More than the kernel keeps of a connection. */
const manyIds = Array.from({ length: 900 }, (_, at) => 1 + 2 * at);

it("a client that does not read its connection loses it, over HTTP/2", async () => {
  const client = await rawHttp2(server.port);
  const { before, during } = await server.withstands(
    async () => {
      client.socket.pause();
      const openWindow = (id: number) => frame("windowUpdate", 0, id, uint32(1e9));
      await client.send(openWindow(0), ...manyIds.flatMap((id) => [listCall(id), openWindow(id)]));
      await sleep(9_000);
    },
    { growthMb, retreat: client.close },
  );
  expect(during.streams - before.streams).toBeLessThan(10);
  expect(during.sessions - before.sessions).toBeLessThan(1);
});

it("a client that does not read its connection loses it, over HTTP/1.1", async () => {
  const body = JSON.stringify({ project });
  const head = `POST /api.v1.ClusterService/List HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nauthorization: Bearer owner\r\ncontent-length: ${body.length}\r\n\r\n`;
  const sockets: Socket[] = [];
  const { before, during } = await server.withstands(
    async () => {
      for (let at = 0; at < 5; at += 1) {
        const socket = await dial(server.port);
        socket.pause().write((head + body).repeat(500));
        sockets.push(socket);
      }
      await sleep(9_000);
    },
    {
      growthMb,
      retreat() {
        for (const socket of sockets) socket.destroy();
      },
    },
  );
  expect(during.sockets - before.sockets).toBeLessThan(3);
});

it("quiet watches are left alone, and cost no timers", async () => {
  const client = await rawHttp2(server.port);
  const before = await server.held();
  await client.send(...ids.map(watchCall));
  await Promise.all(ids.map((id) => client.answered(id)));
  const after = await server.held();
  expect(after.streams - before.streams).toBeGreaterThan(ids.length - 8);
  expect(after.timers).toBeLessThan(before.timers + 10);
  await sleep(6_000);
  expect(client.closed).toBe(false);
  expect(resetsOf(client)).toBe(0);
  client.close();
});
