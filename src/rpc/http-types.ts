import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse, IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** A request of either HTTP version, as Node gives it. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;

/** A response of either HTTP version, as Node gives it. */
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** Answers an HTTP/2 stream itself and says so, or leaves it untouched. Somebody else listens to the stream's errors. */
export type Http2StreamHandler = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  rawHeaders: readonly string[],
) => boolean;

/** Answers requests of either HTTP version. */
export interface NodeHandler {
  (req: NodeRequest, res: NodeResponse): void;
  /** Asked first for every HTTP/2 stream, where Node has not yet made a request and a response of it. */
  readonly stream?: Http2StreamHandler;
}

/** A header that may be given once; given twice, its first value. */
export function headerOf(req: NodeRequest, name: string): string | undefined {
  const value = req.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** The headers of an answer, whose `vary` says also what the response varies with already, such as its origin. */
function withVary(res: NodeResponse, headers: Readonly<Record<string, string | string[]>>) {
  const before = res.getHeader("vary");
  if (before === undefined || headers.vary === undefined) return headers;
  return { ...headers, vary: [before, headers.vary].flat().join(", ") };
}

/** Writes a whole answer, unless the response is already on its way or gone. */
export function answer(
  res: NodeResponse,
  status: number,
  headers: Readonly<Record<string, string | string[]>>,
  body: string | Uint8Array,
): void {
  if (res.headersSent || res.writableEnded || res.destroyed) {
    res.destroy();
    return;
  }
  const node = res as ServerResponse;
  node.writeHead(status, { ...withVary(res, headers), "content-length": Buffer.byteLength(body) });
  node.end(body);
}

/** How long a client may take none of an answer that is streamed. */
const stalledMs = 60_000;

/** Writes an answer as fast as the client takes it; rejects when its source fails, and not when the client leaves. */
export async function answerStream(
  res: NodeResponse,
  status: number,
  headers: Readonly<Record<string, string | string[]>>,
  body: Readable,
  method: string,
): Promise<void> {
  const node = res as ServerResponse;
  if (res.headersSent || res.writableEnded || res.destroyed || method === "HEAD") {
    body.destroy();
    if (method === "HEAD" && !res.headersSent) node.writeHead(status, withVary(res, headers)).end();
    return;
  }
  node.writeHead(status, withVary(res, headers));
  node.setTimeout(stalledMs, () => node.destroy());
  let hasFailed = false;
  body.once("error", () => {
    hasFailed = true;
  });
  await pipeline(body, node).catch((error: unknown) => {
    if (hasFailed && !isClientGone(error)) throw error;
  });
}

const isClientGone = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException | undefined)?.code === "ERR_STREAM_PREMATURE_CLOSE";
