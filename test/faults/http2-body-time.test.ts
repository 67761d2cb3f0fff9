import { createHook } from "node:async_hooks";
import { EventEmitter, once } from "node:events";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type ServerHttp2Stream,
} from "node:http2";
import { afterEach, expect, it } from "vitest";
import { answer, type NodeHandler } from "../../src/rpc/http-types.js";
import { createBodyWatch } from "../../src/rpc/http2-body-time.js";
import { listen } from "../../src/rpc/listen.js";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

/** A server that reads bare streams under a watch, and answers each at the end of its request with its length. */
async function watched(timeoutMs: number) {
  const watch = createBodyWatch(timeoutMs);
  const seen = new EventEmitter();
  const requests: NodeHandler = (_, res) => answer(res, 200, {}, "not a bare stream");
  const onStream: NodeHandler["stream"] = (stream, headers) => {
    if (headers[":path"] === "/request") return false;
    let bytes = 0;
    watch.watch(stream);
    seen.emit("stream", stream);
    stream.on("error", () => {});
    stream.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    stream.on("end", () => {
      // A request that is cut short ends like a whole one.
      if (stream.closed) return;
      stream.respond({ ":status": 200 });
      stream.end(`${bytes} bytes`);
    });
    return true;
  };
  const handler = Object.assign(requests, { stream: onStream });
  const listener = await listen(handler, { host: "127.0.0.1", port: 0 });
  const client = connect(`http://127.0.0.1:${listener.port}`);
  open.push({ close: () => listener.close({ graceMs: 0 }) }, { close: () => client.destroy() });
  client.on("error", () => {});
  return { watch, client, seen };
}

function post(client: ClientHttp2Session, path = "/"): ClientHttp2Stream {
  const stream = client.request({ ":method": "POST", ":path": path });
  stream.on("error", () => {});
  return stream;
}

async function textOf(stream: ClientHttp2Stream): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += chunk;
  return text;
}

it("ends a request that never ends or is dribbled, and no other", async () => {
  const { watch, client } = await watched(200);
  const silent = post(client);
  const dribbled = post(client);
  const dribble = setInterval(() => dribbled.write("x"), 20);
  dribbled.once("close", () => clearInterval(dribble));
  const whole = post(client);
  whole.end("abc");
  const bodiless = client.request({ ":method": "POST", ":path": "/" }, { endStream: true });

  expect(await textOf(whole)).toBe("3 bytes");
  expect(await textOf(bodiless)).toBe("0 bytes");
  await Promise.all([once(silent, "close"), once(dribbled, "close")]);
  expect([silent.rstCode, dribbled.rstCode]).toEqual([constants.NGHTTP2_CANCEL, constants.NGHTTP2_CANCEL]);
  expect(watch.size).toBe(0);
});

it("leaves to Node what the bare handler does not take", async () => {
  const { client } = await watched(200);
  const stream = post(client, "/request");
  stream.end();
  expect(await textOf(stream)).toBe("not a bare stream");
});

it("leaves a stream alone that was released", async () => {
  const { watch, client, seen } = await watched(80);
  const released = post(client);
  const [stream] = (await once(seen, "stream")) as [ServerHttp2Stream];
  watch.release(stream);
  const late = post(client);
  await once(late, "close");
  released.end("ab");
  expect(await textOf(released)).toBe("2 bytes");
});

it("has one timer for all streams, and none without a stream", async () => {
  const { watch, client, seen } = await watched(80);
  const intervals = new Map<number, { _repeat: number | null }>();
  const hook = createHook({
    init: (id, type, _, resource) => void (type === "Timeout" && intervals.set(id, resource as { _repeat: null })),
    destroy: (id) => void intervals.delete(id),
  }).enable();
  const sweeping = () => [...intervals.values()].filter(({ _repeat }) => _repeat === 80 / 8).length;
  try {
    for (let i = 0; i < 200; i += 1) post(client);
    while (watch.size < 200) await once(seen, "stream");
    expect(sweeping()).toBe(1);
    await expect.poll(() => [watch.size, sweeping()]).toEqual([0, 0]);
  } finally {
    hook.disable();
  }
});
