// Unary gRPC calls on a bare socket: the client of node:http2 costs more than many a server, and shares its cores.
import { connect, type Socket } from "node:net";
import { bodyOf, headersOf, type Target } from "./call.js";

/** What a client of HTTP/2 says first. */
export const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/** The types of frames, and their flags. */
export const frames = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8 } as const;
export const flags = { ack: 1, endStream: 1, endHeaders: 4 } as const;
/** Bytes before the payload of a frame. */
const frameHeader = 9;
const largestWindow = 2 ** 31 - 1;
const usualWindow = 65_535;
/** The first index of the table to which both sides add headers. */
const dynamicTable = 62;

/** One connection. */
export interface RawConnection {
  /** Resolves with the size of the answer's body; rejects unless one whole message came, and then trailers. */
  call(message: Uint8Array): Promise<number>;
  close(): void;
}

interface Call {
  readonly resolve: (bytes: number) => void;
  readonly reject: (error: Error) => void;
  /** What came of the body. */
  bytes: number;
  /** How large it says that it is. */
  announced: number;
}

/** Opens a connection on which all calls have the headers of the target. */
export function openRawGrpc(target: Target): RawConnection {
  const url = new URL(target.url);
  const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true });
  const calls = new Map<number, Call>();
  const outgoing = gathered(socket);
  const headers = headerBlocks({
    ":method": "POST",
    ":scheme": "http",
    ":path": target.path,
    ":authority": url.host,
    ...headersOf(target),
  });
  const fail = (reason: string): void => {
    for (const { reject } of calls.values()) reject(new Error(`${target.path}: ${reason}`));
    calls.clear();
  };
  outgoing(Buffer.from(preface));
  outgoing(frame(frames.settings, 0, 0, Buffer.from([0, 4, 0x7f, 0xff, 0xff, 0xff])));
  outgoing(windowUpdate(largestWindow - usualWindow));
  socket.on("data", readFrames(outgoing, calls, fail));
  socket.on("error", (error) => fail(error.message)).on("close", () => fail("the connection is closed"));
  let next = 1;
  return {
    call(message) {
      const id = next;
      next += 2;
      outgoing(frame(frames.headers, flags.endHeaders, id, id === 1 ? headers.first : headers.later));
      outgoing(frame(frames.data, flags.endStream, id, bodyOf(target, message)));
      return new Promise((resolve, reject) => calls.set(id, { resolve, reject, bytes: 0, announced: -1 }));
    },
    close: () => socket.destroy(),
  };
}

/** Writes at once what one turn of the event loop brings. */
function gathered(socket: Socket): (bytes: Buffer) => void {
  let waiting: Buffer[] = [];
  const write = (): void => {
    if (!socket.destroyed) socket.write(Buffer.concat(waiting));
    waiting = [];
  };
  return (bytes) => {
    if (waiting.length === 0) setImmediate(write);
    waiting.push(bytes);
  };
}

/** Takes a whole frame: its type, flags, stream and what it bears. */
export type TakeFrame = (type: number, flag: number, id: number, payload: Buffer) => void;

/** Cuts what a connection brings into frames; what is short of a whole one waits for the rest. */
export function wholeFrames(take: TakeFrame): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (bytes.length - at >= frameHeader) {
      const end = at + frameHeader + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      take(bytes[at + 3] ?? 0, bytes[at + 4] ?? 0, bytes.readUInt32BE(at + 5), bytes.subarray(at + frameHeader, end));
      at = end;
    }
    rest = bytes.subarray(at);
  };
}

function readFrames(send: (bytes: Buffer) => void, calls: Map<number, Call>, fail: (reason: string) => void) {
  let unacknowledged = 0;
  const take = (type: number, flag: number, id: number, payload: Buffer): void => {
    const call = calls.get(id);
    if (type === frames.settings && (flag & flags.ack) === 0) send(frame(frames.settings, flags.ack, 0));
    else if (type === frames.ping && (flag & flags.ack) === 0) send(frame(frames.ping, flags.ack, 0, payload));
    else if (type === frames.goAway) fail("the server goes away");
    else if (type === frames.reset) settle(calls, id, "the stream was reset");
    else if (type === frames.data) {
      unacknowledged += payload.length;
      if (call !== undefined) takeBody(call, payload);
    } else if (type === frames.headers && (flag & flags.endStream) !== 0) settle(calls, id);
  };
  const read = wholeFrames(take);
  return (chunk: Buffer): void => {
    read(chunk);
    if (unacknowledged < 2 ** 24) return;
    send(windowUpdate(unacknowledged));
    unacknowledged = 0;
  };
}

function takeBody(call: Call, payload: Buffer): void {
  // Servers write the envelope and the message that follows together.
  if (call.bytes === 0 && payload.length >= 5) call.announced = 5 + payload.readUInt32BE(1);
  call.bytes += payload.length;
}

/** Ends a call with its answer: an error of gRPC has no body. */
function settle(calls: Map<number, Call>, id: number, failure?: string): void {
  const call = calls.get(id);
  calls.delete(id);
  if (call === undefined) return;
  if (failure === undefined && call.bytes === call.announced) call.resolve(call.bytes);
  else call.reject(new Error(failure ?? `an answer has ${call.bytes} bytes of body and announced ${call.announced}`));
}

/** A frame of HTTP/2. */
export function frame(type: number, flag: number, id: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const bytes = Buffer.allocUnsafe(frameHeader + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flag;
  bytes.writeUInt32BE(id, 5);
  bytes.set(payload, frameHeader);
  return bytes;
}

/** Lets the other side send so many bytes more on the whole connection. */
export function windowUpdate(by: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(by);
  return frame(frames.windowUpdate, 0, 0, payload);
}

/** HPACK: the first request says every header and has the server remember it, the later ones name them by number. */
function headerBlocks(headers: Readonly<Record<string, string>>): { first: Buffer; later: Buffer } {
  const entries = Object.entries(headers);
  const first = entries.flatMap(([name, value]) => [Buffer.from([0x40]), text(name), text(value)]);
  const later = entries.map((_, i) => 0x80 | (dynamicTable + entries.length - 1 - i));
  return { first: Buffer.concat(first), later: Buffer.from(later) };
}

/** A text as HPACK has it, not compressed: its length in seven bits, or in bytes that follow, and its bytes. */
export function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const length: number[] = bytes.length < 127 ? [bytes.length] : [127];
  for (let left = bytes.length - 127; left >= 0; ) {
    length.push(left > 127 ? (left & 127) | 128 : left);
    left = left > 127 ? left >> 7 : -1;
  }
  return Buffer.concat([Buffer.from(length), bytes]);
}
