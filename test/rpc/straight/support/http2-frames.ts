import { once } from "node:events";
import { connect, type Socket } from "node:net";

const types = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6 } as const;
const flags = { endStream: 1, ack: 1, endHeaders: 4 } as const;

function frame(type: number, flag: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flag, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A number of HPACK with a prefix of seven bits. */
function integer(value: number): number[] {
  if (value < 127) return [value];
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest >>= 7) bytes.push((rest & 127) | 128);
  return [...bytes, rest];
}

/** Header fields as HPACK literals that nobody indexes: whatever they are, and as often as they are there. */
function literals(fields: Iterable<readonly [string, string]>): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of fields) {
    const bytes = [Buffer.from(name, "latin1"), Buffer.from(value, "latin1")];
    parts.push(Buffer.from([0]), ...bytes.flatMap((text) => [Buffer.from(integer(text.length)), text]));
  }
  return Buffer.concat(parts);
}

export const headersFrame = (stream: number, fields: Iterable<readonly [string, string]>, end = false): Buffer =>
  frame(types.headers, flags.endHeaders | (end ? flags.endStream : 0), stream, literals(fields));

export const dataFrame = (stream: number, bytes: Uint8Array, end = false): Buffer =>
  frame(types.data, end ? flags.endStream : 0, stream, bytes);

export const resetFrame = (stream: number, code: number): Buffer =>
  frame(types.reset, 0, stream, Buffer.from([0, 0, 0, code]));

/** What came on one stream; how its bytes were cut into DATA frames means nothing. */
export interface StreamGot {
  readonly headerFrames: number;
  readonly data: string;
  readonly ended: boolean;
  readonly resetCode: number | undefined;
}

const nothing: StreamGot = { headerFrames: 0, data: "", ended: false, resetCode: undefined };

/** A connection by HTTP/2 on which every frame is the test's own. */
export interface FrameConnection {
  readonly socket: Socket;
  /** Sends frames in one packet. */
  send(...frames: readonly Buffer[]): void;
  /** Resolves when the server has seen all that was sent before; false when it has hung up. */
  seen(): Promise<boolean>;
  /** What came on a stream. */
  got(stream: number): StreamGot;
}

/** Opens one to a local port. */
export async function dialFrames(port: number): Promise<FrameConnection> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(
    Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(types.settings, 0, 0, Buffer.alloc(0))]),
  );
  const got = new Map<number, StreamGot>();
  const pongs: (() => void)[] = [];
  const take = (type: number, flag: number, stream: number, payload: Buffer): void => {
    if (type === types.settings && flag === 0) socket.write(frame(types.settings, flags.ack, 0, Buffer.alloc(0)));
    else if (type === types.ping && flag === flags.ack) pongs.shift()?.();
    else if (stream !== 0) got.set(stream, withFrame(got.get(stream) ?? nothing, type, flag, payload));
  };
  readFrames(socket, take);
  return {
    socket,
    send: (...frames) => void socket.write(Buffer.concat(frames)),
    async seen() {
      if (socket.destroyed) return false;
      const pong = new Promise<boolean>((resolve) => pongs.push(() => resolve(true)));
      const gone = once(socket, "close").then(() => false);
      socket.write(frame(types.ping, 0, 0, Buffer.alloc(8)));
      return Promise.race([pong, gone]);
    },
    got: (stream) => got.get(stream) ?? nothing,
  };
}

function withFrame(got: StreamGot, type: number, flag: number, payload: Buffer): StreamGot {
  if (type === types.reset) return { ...got, resetCode: payload.readUInt32BE(0) };
  const ended = got.ended || (flag & flags.endStream) !== 0;
  if (type === types.headers) return { ...got, headerFrames: got.headerFrames + 1, ended };
  return type === types.data ? { ...got, data: got.data + payload.toString("latin1"), ended } : got;
}

function readFrames(socket: Socket, take: (type: number, flag: number, stream: number, payload: Buffer) => void): void {
  let held = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    while (held.length >= 9 && held.length >= 9 + held.readUIntBE(0, 3)) {
      const end = 9 + held.readUIntBE(0, 3);
      take(held.readUInt8(3), held.readUInt8(4), held.readUInt32BE(5), held.subarray(9, end));
      held = held.subarray(end);
    }
  });
}
