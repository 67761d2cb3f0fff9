import { once } from "node:events";
import { request } from "node:http";
import { type ClientHttp2Session, connect as connectHttp2, constants } from "node:http2";
import { request as requestTls } from "node:https";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { answer, type NodeHandler } from "../../src/rpc/http-types.js";
import { type Listener, listen } from "../../src/rpc/listen.js";
import { selfSigned } from "./support/certificate.js";
import { dial, received } from "./support/sockets.js";

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const emptySettings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

/** Answers with the method, the HTTP version and the number of bytes that came. */
const echo: NodeHandler = (req, res) => {
  let bytes = 0;
  req.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
  });
  req.on("end", () => answer(res, 200, { "content-type": "text/plain" }, `${req.method} ${req.httpVersion} ${bytes}`));
};

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

async function started(
  handler: NodeHandler = echo,
  options: Partial<Parameters<typeof listen>[1]> = {},
): Promise<Listener> {
  const listener = await listen(handler, { host: "127.0.0.1", port: 0, ...options });
  open.push({ close: () => listener.close({ graceMs: 0 }) });
  return listener;
}

function session(url: string, options: Record<string, unknown> = {}): ClientHttp2Session {
  const client = connectHttp2(url, options);
  client.on("error", () => {});
  open.push({ close: () => client.destroy() });
  return client;
}

async function http2Call(client: ClientHttp2Session, method: string, body = Buffer.alloc(0)): Promise<string> {
  const stream = client.request({ ":method": method, ":path": "/" }, { endStream: false });
  stream.end(body);
  let text = "";
  for await (const chunk of stream) text += chunk;
  return text;
}

function http1Call(port: number, method: string, body: Buffer, headers: Record<string, string> = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const req = request({ port, host: "127.0.0.1", method, headers, agent: false }, async (res) => {
      let text = "";
      for await (const chunk of res) text += chunk;
      resolve(`${res.statusCode} ${text}`);
    });
    req.on("error", reject);
    if (headers.expect === undefined) req.end(body);
    else req.on("continue", () => req.end(body)).flushHeaders();
  });
}

describe("one cleartext port", () => {
  it("serves HTTP/1.0", async () => {
    const { port } = await started();
    const socket = await dial(port);
    socket.write("GET / HTTP/1.0\r\n\r\n");
    expect(await received(socket)).toMatch(/^HTTP\/1\.1 200 [\s\S]*GET 1\.0 0$/);
  });

  it("serves HTTP/1.1, several requests on one connection", async () => {
    const { port } = await started();
    const socket = await dial(port);
    socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\nPUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nab");
    const text = await received(socket, /PUT 1\.1 2/);
    expect(text).toContain("GET 1.1 0");
    socket.destroy();
  });

  it("ignores Upgrade: h2c and answers in HTTP/1.1", async () => {
    const { port } = await started();
    const socket = await dial(port);
    socket.write(
      "GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade, http2-settings, close\r\nupgrade: h2c\r\nhttp2-settings: AAAA\r\n\r\n",
    );
    expect(await received(socket)).toMatch(/^HTTP\/1\.1 200 [\s\S]*GET 1\.1 0$/);
  });

  it("serves HTTP/2 with prior knowledge, many streams on one connection", async () => {
    const { port } = await started();
    const client = session(`http://127.0.0.1:${port}`);
    const answers = await Promise.all(Array.from({ length: 50 }, () => http2Call(client, "POST", Buffer.from("abc"))));
    expect(new Set(answers)).toEqual(new Set(["POST 2.0 3"]));
  });

  it("takes bodies of 1 MB over both versions", async () => {
    const { port } = await started();
    const body = Buffer.alloc(1_000_000, 1);
    expect(await http1Call(port, "POST", body)).toBe("200 POST 1.1 1000000");
    expect(await http2Call(session(`http://127.0.0.1:${port}`), "POST", body)).toBe("POST 2.0 1000000");
  });

  it("answers Expect: 100-continue", async () => {
    const { port } = await started();
    const answered = await http1Call(port, "POST", Buffer.alloc(10), {
      expect: "100-continue",
      "content-length": "10",
    });
    expect(answered).toBe("200 POST 1.1 10");
  });

  it("recognises a preface that comes byte by byte", async () => {
    const { port } = await started();
    const socket = await dial(port);
    socket.setNoDelay(true);
    const first = once(socket, "data");
    for (const byte of Buffer.from(preface, "latin1")) {
      socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    socket.write(emptySettings);
    const [frame] = (await first) as [Buffer];
    // The server's first frame is its SETTINGS: type 4 on stream 0.
    expect(frame[3]).toBe(4);
    socket.destroy();
  });

  it("takes a request that comes byte by byte and begins like the preface", async () => {
    const { port } = await started();
    const socket = await dial(port);
    socket.setNoDelay(true);
    for (const char of "PROPFIND / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n") {
      socket.write(char);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await received(socket)).toContain("PROPFIND 1.1 0");
  });

  it("serves PROPFIND, which begins with PR", async () => {
    const { port } = await started();
    expect(await http1Call(port, "PROPFIND", Buffer.alloc(0))).toBe("200 PROPFIND 1.1 0");
  });

  it("answers a client that has closed its own side", async () => {
    const { port } = await started();
    const socket = await dial(port);
    socket.end("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    expect(await received(socket)).toContain("GET 1.1 0");
  });

  it("lets go of an HTTP/2 client that has closed its own side", async () => {
    const { port } = await started();
    const socket = await dial(port);
    socket.end(Buffer.concat([Buffer.from(preface, "latin1"), emptySettings]));
    expect((await received(socket)).length).toBeGreaterThan(0);
  });

  it("drops a connection that says nothing, or nothing more after PRI", async () => {
    const { port } = await started(echo, { headersTimeoutMs: 200 });
    const [silent, partial] = [await dial(port), await dial(port)];
    partial.write("PRI * HT");
    expect(await received(silent)).toBe("");
    expect(await received(partial)).toBe("");
  });

  it("drops a connection that closes its side in the middle of the preface", async () => {
    const { port } = await started();
    const socket = await dial(port);
    socket.end("PRI *");
    expect(await received(socket)).toBe("");
  });

  it("answers 408 to headers that never end", async () => {
    const { port } = await started(echo, { headersTimeoutMs: 200 });
    const socket = await dial(port);
    socket.write("GET / HTTP/1.1\r\nhost: x\r\n");
    expect(await received(socket)).toMatch(/^HTTP\/1\.1 408 /);
  });

  it("answers 400 to a TLS hello", async () => {
    const { port } = await started();
    const socket = await dial(port);
    socket.write(Buffer.from("16030100c8010000c40303", "hex"));
    expect(await received(socket)).toMatch(/^HTTP\/1\.1 400 /);
  });

  it("survives a connection that is reset at once, and garbage behind the preface", async () => {
    const { port } = await started();
    (await dial(port)).resetAndDestroy();
    const socket = await dial(port);
    socket.write(`${preface}${"garbage".repeat(50)}`);
    await received(socket);
    expect(await http1Call(port, "GET", Buffer.alloc(0))).toBe("200 GET 1.1 0");
  });

  it("drops connections above its limit", async () => {
    const { port } = await started(echo, { maxConnections: 1 });
    const first = await dial(port);
    expect(await received(await dial(port))).toBe("");
    first.destroy();
  });

  it("tells clients how many streams they may open", async () => {
    const { port } = await started(echo, { maxConcurrentStreams: 7 });
    const client = session(`http://127.0.0.1:${port}`);
    const [settings] = (await once(client, "remoteSettings")) as [{ maxConcurrentStreams: number }];
    expect(settings.maxConcurrentStreams).toBe(7);
  });

  it("closes an idle HTTP/2 connection, not one with a quiet stream", async () => {
    const { port } = await started(
      (req, res) => {
        if (req.method === "POST")
          (res as { writeHead(status: number): { flushHeaders(): void } }).writeHead(200).flushHeaders();
        else echo(req, res);
      },
      { idleTimeoutMs: 150 },
    );
    const [idle, busy] = [session(`http://127.0.0.1:${port}`), session(`http://127.0.0.1:${port}`)];
    const stream = busy.request({ ":method": "POST", ":path": "/" });
    await once(stream, "response");
    await http2Call(idle, "GET");
    await once(idle, "close");
    expect(busy.closed).toBe(false);
    stream.close(constants.NGHTTP2_CANCEL);
  });

  it("rejects when the port is taken", async () => {
    const { port } = await started();
    await expect(listen(echo, { host: "127.0.0.1", port })).rejects.toThrow("EADDRINUSE");
  });
});

describe("close", () => {
  it("lets calls of both versions finish, refuses new connections, and ends idle ones", async () => {
    const finish: (() => void)[] = [];
    const handler: NodeHandler = (_, res) => finish.push(() => answer(res, 200, {}, "late"));
    const listener = await listen(handler, { host: "127.0.0.1", port: 0 });
    const idle = await dial(listener.port);
    const client = session(`http://127.0.0.1:${listener.port}`);
    const calls = [
      http2Call(client, "GET"),
      http1Call(listener.port, "GET", Buffer.alloc(0), { connection: "keep-alive" }),
    ];
    while (finish.length < 2) await new Promise((resolve) => setImmediate(resolve));
    const closed = listener.close({ graceMs: 10_000 });
    expect(await received(idle)).toBe("");
    await expect(http1Call(listener.port, "GET", Buffer.alloc(0))).rejects.toThrow("ECONNREFUSED");
    for (const run of finish) run();
    expect(await Promise.all(calls)).toEqual(["late", "200 late"]);
    await closed;
  });

  it("ends connections that are still busy when the grace is over", async () => {
    const listener = await listen(() => {}, { host: "127.0.0.1", port: 0 });
    const calls = [
      http2Call(session(`http://127.0.0.1:${listener.port}`), "GET").catch(() => "cut"),
      http1Call(listener.port, "GET", Buffer.alloc(0)).catch(() => "cut"),
    ];
    await new Promise((resolve) => setTimeout(resolve, 50));
    await listener.close({ graceMs: 50 });
    expect((await Promise.all(calls)).every((text) => text === "cut" || text === "")).toBe(true);
  });

  it("does not wait for an HTTP/2 client that never closes its side", async () => {
    const listener = await listen(echo, { host: "127.0.0.1", port: 0 });
    const socket = await dial(listener.port);
    socket.write(Buffer.concat([Buffer.from(preface, "latin1"), emptySettings]));
    await once(socket, "data");
    await listener.close({ graceMs: 50 });
    socket.destroy();
  });
});

describe("TLS", () => {
  let pem: { cert: string; key: string };
  beforeAll(async () => {
    pem = await selfSigned();
  });
  afterAll(() => {});

  it("serves HTTP/2 or HTTP/1.1 as the client prefers", async () => {
    const { port } = await started(echo, { tls: pem });
    const client = session(`https://127.0.0.1:${port}`, { ca: pem.cert });
    expect(await http2Call(client, "GET")).toBe("GET 2.0 0");
    const text = await new Promise<string>((resolve, reject) => {
      const req = requestTls({ port, host: "127.0.0.1", ca: pem.cert, agent: false }, async (res) => {
        let body = "";
        for await (const chunk of res) body += chunk;
        resolve(body);
      });
      req.on("error", reject).end();
    });
    expect(text).toBe("GET 1.1 0");
  });

  it("closes a connection that speaks no TLS, or nothing", async () => {
    const { port } = await started(echo, { tls: pem, headersTimeoutMs: 200 });
    const [plain, silent] = [await dial(port), await dial(port)];
    plain.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    expect(await received(plain)).not.toContain("200");
    expect(await received(silent)).toBe("");
  });
});
