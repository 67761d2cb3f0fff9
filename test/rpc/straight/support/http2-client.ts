import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";

/** A request as it goes over an HTTP/2 stream. */
export interface Http2Wire {
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** DATA frames; none ends the stream with its headers. */
  readonly pieces: readonly Buffer[];
}

/** All that came back on a stream. */
export interface Http2Got {
  readonly informational: number[];
  readonly headers: Record<string, unknown> | undefined;
  readonly trailers: Record<string, unknown> | undefined;
  readonly body: string;
  readonly rstCode: number | undefined;
}

const sockets = new WeakMap<ClientHttp2Session, Socket>();

/** A connection by HTTP/2, in clear text, whose end ends no test. */
export function connectHttp2(port: number): ClientHttp2Session {
  const socket = connectTcp({ port, host: "127.0.0.1", noDelay: true });
  const session = connect(`http://127.0.0.1:${port}`, { createConnection: () => socket });
  session.on("error", () => {});
  sockets.set(session, socket);
  return session;
}

/** Ends the connection below HTTP/2, without a word. */
export function breakConnection(session: ClientHttp2Session): void {
  sockets.get(session)?.destroy();
}

/** Sends a request, each piece in a turn of its own. */
export async function sendHttp2(session: ClientHttp2Session, { headers, pieces }: Http2Wire): Promise<Http2Got> {
  const stream = session.request({ ...headers }, { endStream: pieces.length === 0 });
  const got = receive(stream);
  for (const [at, piece] of pieces.entries()) {
    if (stream.destroyed || stream.closed) break;
    if (at === pieces.length - 1) stream.end(piece);
    else await new Promise<void>((resolve) => stream.write(piece, () => resolve()));
  }
  return got;
}

/** Takes in what comes on a stream until it closes. */
export function receive(stream: ClientHttp2Stream): Promise<Http2Got> {
  const chunks: Buffer[] = [];
  const informational: number[] = [];
  let headers: Record<string, unknown> | undefined;
  let trailers: Record<string, unknown> | undefined;
  stream.on("headers", (got) => informational.push(Number(got[":status"])));
  stream.on("response", (got) => {
    headers = withoutDate(got);
  });
  stream.on("trailers", (got) => {
    trailers = withoutDate(got);
  });
  stream.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", () => {});
  return new Promise((resolve) => {
    stream.on("close", () =>
      resolve({
        informational,
        headers,
        trailers,
        body: Buffer.concat(chunks).toString("latin1"),
        rstCode: stream.rstCode,
      }),
    );
  });
}

function withoutDate({ date: _, ...others }: IncomingHttpHeaders): Record<string, unknown> {
  return Object.fromEntries(Object.entries(others));
}
