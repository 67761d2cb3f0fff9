import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { stringify } from "yaml";
import type { Reply } from "./call.js";
import type { KubeLog } from "./embedded-kube.js";
import { StatusError } from "./status-error.js";

/** Writes what a handler answered. */
export function sendReply(request: IncomingMessage, response: ServerResponse, reply: Reply): void {
  const { code, body, contentType = "application/json" } = reply;
  const text = encode(body, contentType);
  response.writeHead(code, {
    "content-type": contentType,
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-cache, private",
    "audit-id": randomUUID(),
    // What was not read of the body would be taken for the next request.
    ...(hasUnreadBody(request) ? { connection: "close" } : {}),
  });
  response.end(request.method === "HEAD" ? undefined : text);
}

function hasUnreadBody(request: IncomingMessage): boolean {
  const { "content-length": length, "transfer-encoding": encoding } = request.headers;
  return !request.complete && (encoding !== undefined || Number(length ?? 0) > 0);
}

function encode(body: unknown, contentType: string): string {
  if (typeof body === "string") return body;
  return contentType === "application/yaml" ? stringify(body, { aliasDuplicateObjects: false }) : JSON.stringify(body);
}

/** The refusal that an error comes to; what is no refusal is logged, and the caller learns nothing of it. */
export function statusOf(error: unknown, log: KubeLog): StatusError {
  if (error instanceof StatusError) return error;
  log.error({ err: error }, "embedded kubernetes: request failed");
  return new StatusError(500, "InternalError", "Internal error occurred");
}

/** Answers an error; a response that has begun is cut off, so that nobody takes it for complete. */
export function sendError(request: IncomingMessage, response: ServerResponse, error: unknown, log: KubeLog): void {
  const status = statusOf(error, log);
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const seconds = status.details?.retryAfterSeconds;
  if (seconds !== undefined) response.setHeader("retry-after", String(seconds));
  sendReply(request, response, { code: status.code, body: status.body() });
}

/** Answers an error on a connection that asked for an upgrade, where there is no response object. */
export function refuseUpgrade(socket: Duplex, status: StatusError): void {
  const body = JSON.stringify(status.body());
  const head = [
    `HTTP/1.1 ${status.code} ${status.reason}`,
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}
