import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** Types of HTTP/2 frames (RFC 9113, section 6). */
export const frameTypes = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const endStream = 0x1;
export const endHeaders = 0x4;
const ack = 0x1;

/** A frame as it comes over the wire. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** The bytes of one frame; its length is taken from its payload. */
export function frame(
  type: keyof typeof frameTypes,
  flags: number,
  stream: number,
  payload = Buffer.alloc(0),
): Buffer<ArrayBuffer> {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = frameTypes[type];
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Header fields as HPACK literals that are not indexed; names and values of at most 64 kB. */
export function hpack(fields: readonly (readonly [string, string])[]): Buffer<ArrayBuffer> {
  return Buffer.concat(
    fields.flatMap(([name, value]) => [
      Buffer.of(0),
      hpackInteger(name),
      Buffer.from(name),
      hpackInteger(value),
      Buffer.from(value),
    ]),
  );
}

function hpackInteger(text: string): Buffer<ArrayBuffer> {
  let rest = text.length;
  if (rest < 127) return Buffer.of(rest);
  const bytes = [127];
  for (rest -= 127; rest >= 128; rest >>= 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}

export const uint32 = (value: number): Buffer<ArrayBuffer> => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** SETTINGS with one entry. */
export function setting(id: number, value: number): Buffer<ArrayBuffer> {
  return frame("settings", 0, 0, Buffer.concat([Buffer.of(0, id), uint32(value)]));
}

export const rstStream = (stream: number, code: number): Buffer<ArrayBuffer> =>
  frame("rstStream", 0, stream, uint32(code));

/** A message of gRPC, empty unless given, in its envelope. */
export const grpcMessage = (message: Uint8Array = Buffer.alloc(0)): Buffer<ArrayBuffer> =>
  Buffer.concat([Buffer.of(0), uint32(message.length), message]);

/** The error codes of all GOAWAY that came. */
export const goaways = ({ frames }: Pick<RawHttp2, "frames">): number[] =>
  frames.filter(({ type }) => type === frameTypes.goaway).map(({ payload }) => payload.readUInt32BE(4));

export const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** A client that says of HTTP/2 exactly what it is told to, and answers nothing but PING. */
export interface RawHttp2 {
  readonly socket: Socket;
  /** All frames that came. */
  readonly frames: readonly Frame[];
  /** Writes, and waits until the socket takes more; resolves at once when the connection is gone. */
  send(...bytes: readonly (Buffer | string)[]): Promise<void>;
  /** Resolves once the connection is closed. */
  readonly ended: Promise<void>;
  /** Resolves once headers of a stream came, or rejects when the connection ends without. */
  answered(stream: number): Promise<void>;
  /** Whether the connection is closed. */
  readonly closed: boolean;
  close(): void;
}

/** Connects, and sends the preface and SETTINGS unless told otherwise. */
export async function rawHttp2(port: number, hello: string | Buffer = greeting): Promise<RawHttp2> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const frames: Frame[] = [];
  const answered = new Set<number>();
  let pending = Buffer.alloc(0);
  let closed = false;
  socket.setMaxListeners(0).on("error", () => {});
  socket.on("data", (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 9 && pending.length >= 9 + pending.readUIntBE(0, 3)) {
      const length = 9 + pending.readUIntBE(0, 3);
      const [type = 0, flags = 0] = pending.subarray(3, 5);
      if (type === frameTypes.ping && flags === 0)
        socket.write(frame("ping", ack, 0, Buffer.from(pending.subarray(9, 17))));
      if (type === frameTypes.headers) answered.add(pending.readUInt32BE(5));
      frames.push({ type, flags, stream: pending.readUInt32BE(5), payload: Buffer.from(pending.subarray(9, length)) });
      pending = pending.subarray(length);
    }
  });
  const ended = new Promise<void>((resolve) => socket.once("close", resolve)).then(() => {
    closed = true;
  });
  await once(socket, "connect");
  socket.write(hello);
  return {
    socket,
    frames,
    ended,
    get closed() {
      return closed;
    },
    async send(...bytes) {
      if (closed || !socket.writable) return;
      const takesMore = socket.write(
        Buffer.concat(bytes.map((part) => (typeof part === "string" ? Buffer.from(part) : part))),
      );
      if (!takesMore) await Promise.race([once(socket, "drain").catch(() => {}), ended]);
    },
    async answered(stream) {
      while (!answered.has(stream)) {
        if (closed) throw new Error(`the connection was closed before the answer on stream ${stream}`);
        await Promise.race([once(socket, "data").catch(() => {}), ended]);
      }
    },
    close: () => void socket.destroy(),
  };
}

const greeting = Buffer.concat([Buffer.from(preface), frame("settings", 0, 0)]);
