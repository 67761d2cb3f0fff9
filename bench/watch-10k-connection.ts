// Many server streams of gRPC on one bare socket: the client of node:http2 costs more than the servers do.
import { connect } from "node:net";
import { envelope } from "./grpc.js";
import { flags, frame, frames, preface, text, wholeFrames, windowUpdate } from "./raw-grpc.js";

export interface StreamTarget {
  readonly url: string;
  readonly path: string;
  readonly token?: string | undefined;
  /** The request's message. */
  readonly message: Uint8Array;
}

export interface StreamEvents {
  /** Called with each whole message, which is not to be kept. */
  readonly onMessage: (message: Buffer) => void;
  /** Called when a stream or the whole connection ends, unless it was closed from here. */
  readonly onEnd: (reason: string) => void;
}

const largestWindow = 2 ** 31 - 1;
const usualWindow = 65_535;
const streamWindow = 2 ** 20;
const envelopeBytes = 5;
/** The first index of the table to which both sides add headers. */
const dynamicTable = 62;

/** Opens so many streams with the same request; the returned function closes the connection. */
export function openStreams(target: StreamTarget, count: number, { onMessage, onEnd }: StreamEvents): () => void {
  const { hostname, port } = new URL(target.url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  const headers = headerBlocks(target);
  const body = envelope(target.message);
  const initialWindow = Buffer.alloc(6);
  initialWindow.writeUInt16BE(4);
  initialWindow.writeUInt32BE(streamWindow, 2);
  const opening = [
    Buffer.from(preface),
    frame(frames.settings, 0, 0, initialWindow),
    windowUpdate(largestWindow - usualWindow),
  ];
  for (let i = 0; i < count; i++) {
    const id = 2 * i + 1;
    opening.push(frame(frames.headers, flags.endHeaders, id, i === 0 ? headers.first : headers.later));
    opening.push(frame(frames.data, flags.endStream, id, body));
  }
  socket.write(Buffer.concat(opening));
  socket.on(
    "data",
    readFrames((bytes) => socket.write(bytes), onMessage, onEnd),
  );
  socket.on("error", () => {}).on("close", () => onEnd("the connection was closed"));
  return () => {
    socket.removeAllListeners("close");
    socket.destroy();
  };
}

/** Hands over the messages that frames bring; what is short of a whole one waits for its stream's next frame. */
function readFrames(send: (bytes: Buffer) => void, onMessage: (message: Buffer) => void, onEnd: StreamEvents["onEnd"]) {
  const begun = new Map<number, Buffer>();
  const takeBody = (id: number, payload: Buffer): void => {
    const before = begun.get(id);
    let bytes = before === undefined ? payload : Buffer.concat([before, payload]);
    while (bytes.length >= envelopeBytes) {
      const end = envelopeBytes + bytes.readUInt32BE(1);
      if (end > bytes.length) break;
      onMessage(bytes.subarray(envelopeBytes, end));
      bytes = bytes.subarray(end);
    }
    if (bytes.length > 0) begun.set(id, Buffer.from(bytes));
    else if (before !== undefined) begun.delete(id);
  };
  const take = (type: number, flag: number, id: number, payload: Buffer): void => {
    if (type === frames.data) takeBody(id, payload);
    else if (type === frames.settings && (flag & flags.ack) === 0) send(frame(frames.settings, flags.ack, 0));
    else if (type === frames.ping && (flag & flags.ack) === 0) send(frame(frames.ping, flags.ack, 0, payload));
    else if (type === frames.goAway) onEnd("the server goes away");
    else if (type === frames.reset) onEnd("a stream was reset");
    if ((type === frames.data || type === frames.headers) && (flag & flags.endStream) !== 0) onEnd("a stream ended");
  };
  return wholeFrames(take);
}

/** HPACK as common clients use it: everything is remembered and later named by number, but the token is said each time. */
function headerBlocks({ url, path, token }: StreamTarget): { first: Buffer; later: Buffer } {
  const remembered = Object.entries({
    ":method": "POST",
    ":scheme": "http",
    ":path": path,
    ":authority": new URL(url).host,
    "content-type": "application/grpc",
    "user-agent": "grpc-node-js/1.14.7",
    "grpc-accept-encoding": "identity,deflate,gzip",
    te: "trailers",
  });
  const secret = token === undefined ? [] : [Buffer.from([0x10]), text("authorization"), text(`Bearer ${token}`)];
  const first = remembered.flatMap(([name, value]) => [Buffer.from([0x40]), text(name), text(value)]);
  const later = remembered.map((_, i) => 0x80 | (dynamicTable + remembered.length - 1 - i));
  return { first: Buffer.concat([...first, ...secret]), later: Buffer.concat([Buffer.from(later), ...secret]) };
}
