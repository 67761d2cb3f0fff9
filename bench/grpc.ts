// gRPC over cleartext HTTP/2 with as little as possible of a client, so that the server is what is measured.
import { type ClientHttp2Session, connect } from "node:http2";

/** One HTTP/2 connection. */
export interface GrpcConnection {
  /** Resolves with the answer's one message. */
  unary(path: string, message: Uint8Array): Promise<Buffer>;
  /** Calls back with each message when its last byte has been read; `onEnd` with the reason when the stream is over. */
  stream(path: string, message: Uint8Array, onMessage: (message: Buffer) => void, onEnd: (why: string) => void): void;
  close(): void;
}

/** A message behind its five bytes of flags and length. */
export function envelope(message: Uint8Array): Buffer {
  const framed = Buffer.alloc(5 + message.length);
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, 5);
  return framed;
}

/** Opens a connection on which all calls carry the token, if there is one. */
export function openGrpc(url: string, token?: string): GrpcConnection {
  const session = connect(url, { settings: { initialWindowSize: 1024 * 1024 } });
  // Every call reports the loss by its own end.
  session.on("error", () => {});
  const begin = (
    path: string,
    message: Uint8Array,
    onMessage: (message: Buffer) => void,
    onEnd: (why: string) => void,
  ) =>
    call(session, { ":path": path, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) }, message, {
      onMessage,
      onEnd,
    });
  return {
    stream: begin,
    unary: (path, message) =>
      new Promise((resolve, reject) => {
        let answer: Buffer | undefined;
        const take = (bytes: Buffer) => {
          answer = bytes;
        };
        begin(path, message, take, (why) => {
          if (why === "0" && answer !== undefined) resolve(answer);
          else reject(new Error(`${path} ended with ${why}`));
        });
      }),
    close: () => session.destroy(),
  };
}

interface CallHandlers {
  readonly onMessage: (message: Buffer) => void;
  /** The grpc-status, or what broke. */
  readonly onEnd: (why: string) => void;
}

function call(
  session: ClientHttp2Session,
  headers: Record<string, string>,
  message: Uint8Array,
  { onMessage, onEnd }: CallHandlers,
): void {
  const stream = session.request({
    ":method": "POST",
    "content-type": "application/grpc",
    te: "trailers",
    ...headers,
  });
  let rest: Buffer | undefined;
  let why = "no status";
  const readStatus = (from: Record<string, unknown>) => {
    if (from["grpc-status"] !== undefined) why = String(from["grpc-status"]);
  };
  stream.on("response", readStatus).on("trailers", readStatus);
  stream.on("data", (chunk: Buffer) => {
    rest = takeMessages(rest === undefined ? chunk : Buffer.concat([rest, chunk]), onMessage);
  });
  stream.on("error", (error: Error) => {
    why = error.message;
  });
  stream.on("close", () => onEnd(why));
  stream.end(envelope(message));
}

/** Hands over the whole messages; what remains is the beginning of the next one. */
function takeMessages(bytes: Buffer, onMessage: (message: Buffer) => void): Buffer | undefined {
  let at = 0;
  while (bytes.length - at >= 5) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    if (end > bytes.length) break;
    onMessage(bytes.subarray(at + 5, end));
    at = end;
  }
  return at === bytes.length ? undefined : bytes.subarray(at);
}
