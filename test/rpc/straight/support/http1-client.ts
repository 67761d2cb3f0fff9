import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

/** All that came back for one request over HTTP/1.1. */
export interface Http1Got {
  readonly status: string;
  /** In lower case and sorted, without the date. */
  readonly headers: string[];
  readonly body: string;
}

/** What comes back where the connection ends instead. */
export const hungUp = "hung up";

/** One raw connection, by which any bytes can be sent. */
export interface Http1Connection {
  readonly socket: Socket;
  /** Sends bytes, each piece in a turn of its own. */
  send(pieces: readonly Buffer[]): Promise<void>;
  /** The next answer to a request of that method. */
  next(method: string): Promise<Http1Got | typeof hungUp>;
}

/** Opens a connection to a local port. */
export async function dialHttp1(port: number, encrypted = false): Promise<Http1Connection> {
  const to = { port, host: "127.0.0.1", allowHalfOpen: true };
  const socket = encrypted
    ? connectTls({ ...to, rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] })
    : connectTcp({ ...to, noDelay: true });
  socket.on("error", () => {});
  await once(socket, encrypted ? "secureConnect" : "connect");
  const input = newInput(socket);
  return {
    socket,
    async send(pieces) {
      for (const piece of pieces) {
        if (socket.destroyed || !socket.writable) return;
        socket.write(piece);
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    next: (method) => readAnswer(input, method).catch((error: unknown) => orHungUp(error)),
  };
}

class HungUp extends Error {}

function orHungUp(error: unknown): typeof hungUp {
  if (error instanceof HungUp) return hungUp;
  throw error;
}

/** Bytes that came and that nobody has taken yet. */
interface Input {
  line(): Promise<string>;
  bytes(count: number): Promise<Buffer>;
  untilEnd(): Promise<Buffer>;
}

function newInput(socket: Socket): Input {
  let held = Buffer.alloc(0);
  let hasEnded = false;
  let wake = () => {};
  const end = () => {
    hasEnded = true;
    wake();
  };
  socket.on("data", (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    wake();
  });
  socket.on("end", end).on("close", end);
  const more = async () => {
    if (hasEnded) throw new HungUp();
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  };
  const take = (count: number): Buffer => {
    const taken = held.subarray(0, count);
    held = held.subarray(count);
    return taken;
  };
  return {
    async line() {
      for (;;) {
        const at = held.indexOf("\r\n");
        if (at >= 0)
          return take(at + 2)
            .toString("latin1")
            .slice(0, -2);
        await more();
      }
    },
    async bytes(count) {
      while (held.length < count) await more();
      return take(count);
    },
    async untilEnd() {
      while (!hasEnded) await more();
      return take(held.length);
    },
  };
}

async function readAnswer(input: Input, method: string): Promise<Http1Got> {
  const status = await input.line();
  const headers: string[] = [];
  for (let line = await input.line(); line !== ""; line = await input.line()) {
    const colon = line.indexOf(":");
    headers.push(`${line.slice(0, colon).toLowerCase()}: ${line.slice(colon + 1).trim()}`);
  }
  const value = (name: string) => headers.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
  const kept = headers.filter((line) => !line.startsWith("date: ")).sort();
  const code = status.split(" ")[1] ?? "";
  const hasNone = method === "HEAD" || code.startsWith("1") || code === "204" || code === "304";
  const body = hasNone ? "" : await readBody(input, value("transfer-encoding"), value("content-length"));
  return { status, headers: kept, body };
}

async function readBody(input: Input, encoding: string | undefined, length: string | undefined): Promise<string> {
  if (encoding !== "chunked") {
    return (await (length === undefined ? input.untilEnd() : input.bytes(Number(length)))).toString("latin1");
  }
  const chunks: string[] = [];
  for (;;) {
    const size = Number.parseInt(await input.line(), 16);
    if (size === 0) break;
    chunks.push((await input.bytes(size)).toString("latin1"));
    await input.line();
  }
  // Trailers are a part of what is compared.
  const trailers: string[] = [];
  for (let line = await input.line(); line !== ""; line = await input.line()) trailers.push(line);
  return [...chunks, ...trailers.sort()].join("");
}
