import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";

/** A request of either HTTP version, as Node gives it. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;

/** A response of either HTTP version, as Node gives it. */
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** Answers requests of either HTTP version. */
export type NodeHandler = (req: NodeRequest, res: NodeResponse) => void;

/** A header that may be given once; given twice, its first value. */
export function headerOf(req: NodeRequest, name: string): string | undefined {
  const value = req.headers[name];
  return Array.isArray(value) ? value[0] : value;
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
  node.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
  node.end(body);
}
