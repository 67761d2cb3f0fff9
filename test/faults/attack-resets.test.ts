import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Attacked, attacked } from "./support/attack.js";
import { endHeaders, endStream, frame, goaways, rawHttp2, rstStream, uint32 } from "./support/http2-frames.js";
import { headersOf, watchCall } from "./support/raw-calls.js";

const cancel = 8;
const enhanceYourCalm = 11;
const growthMb = 150;

let server: Attacked;
beforeAll(async () => {
  server = await attacked();
});
afterAll(() => server.close());

const isAllCancelled = () =>
  expect
    .poll(async () => {
      const { watches, cancelled } = await server.held();
      return watches - cancelled;
    })
    .toBe(0);

it("calls that are reset in the same breath end their connection", async () => {
  const headers = headersOf("Get");
  let sent = 0;
  await server.withstands(
    async () => {
      for (let connections = 0; connections < 3; connections += 1) {
        const client = await rawHttp2(server.port);
        for (let first = 1; first < 40_000 && !client.closed; first += 200) {
          const ids = Array.from({ length: 100 }, (_, at) => first + 2 * at);
          sent += ids.length;
          await client.send(
            ...ids.flatMap((id) => [frame("headers", endHeaders | endStream, id, headers), rstStream(id, cancel)]),
          );
          await sleep(1);
        }
        await client.ended;
      }
    },
    { growthMb },
  );
  expect(sent).toBeGreaterThan(2_000);
});

it.each([
  ["CANCEL", cancel],
  ["NO_ERROR", 0],
])("handlers whose calls are reset with %s end, and so does the connection before long", async (_, code) => {
  const client = await rawHttp2(server.port);
  let opened = 0;
  const { before, during } = await server.withstands(
    async () => {
      while (opened < 4_000 && !client.closed) {
        const ids = Array.from({ length: 50 }, () => 1 + 2 * opened++);
        await client.send(...ids.map(watchCall));
        await Promise.race([Promise.all(ids.map((id) => client.answered(id))), client.ended]).catch(() => {});
        await client.send(...ids.map((id) => rstStream(id, code)));
      }
      await client.ended;
    },
    { growthMb },
  );
  expect(goaways(client)[0]).toBe(enhanceYourCalm);
  expect(during.watches - before.watches).toBeGreaterThan(500);
  await isAllCancelled();
});

it("resets count that the client makes the server send", async () => {
  const client = await rawHttp2(server.port);
  await server.withstands(
    async () => {
      for (let id = 1; id < 8_000 && !client.closed; id += 2) {
        // A window beyond what the protocol allows is an error of the stream.
        await client.send(watchCall(id), frame("windowUpdate", 0, id, uint32(0x7fffffff)));
        await sleep(1);
      }
      await client.ended;
    },
    { growthMb },
  );
  await isAllCancelled();
});

it("a client that gives up many calls at once keeps its connection", async () => {
  const client = await rawHttp2(server.port);
  const ids = Array.from({ length: 800 }, (_, at) => 1 + 2 * at);
  await client.send(...ids.map(watchCall));
  await Promise.all(ids.map((id) => client.answered(id)));
  await client.send(...ids.map((id) => rstStream(id, cancel)));
  await client.send(watchCall(1_601));
  await client.answered(1_601);
  expect(goaways(client)).toEqual([]);
  client.close();
  await isAllCancelled();
});
