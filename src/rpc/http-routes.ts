import type { IncomingHttpHeaders } from "node:http";
import { Readable } from "node:stream";
import type { Logger } from "pino";
import type { Origin } from "./call.js";
import { answer, answerStream, type NodeRequest, type NodeResponse } from "./http-types.js";
import type { RateLimiter } from "./rate-limit.js";
import { retryAfterHeader } from "./retry-after.js";

/** A plain HTTP request, for what is no RPC. */
export interface HttpRequest {
  /** HEAD where a route of GET is asked for its headers only. */
  readonly method: string;
  /** The path's parts that its route names: `{provider}` gives `params.provider`, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** The query as it was sent, without "?"; some clients do not encode theirs. */
  readonly rawQuery: string;
  readonly headers: IncomingHttpHeaders;
  readonly origin: Origin;
  /** The whole body; one that is longer than 64 KiB, or what is told, is answered with 413. */
  body(maxBytes?: number): Promise<Buffer>;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** A stream is read as fast as the client takes it, and not at all for HEAD. */
  readonly body?: string | Uint8Array | Readable;
}

export interface HttpRoute {
  /** GET answers HEAD too. */
  readonly method: "GET" | "POST";
  /** As in "/auth/{provider}/callback"; a name stands for one whole part. */
  readonly path: string;
  /** Requests do not count against the limit of their address; for probes, which must not fail in a flood. */
  readonly unlimited?: boolean;
  /** Refusals by the table itself are JSON as well, `{code, message}` as over Connect; a line of text unless told. */
  readonly json?: boolean;
  handle(request: HttpRequest): HttpAnswer | Promise<HttpAnswer>;
}

/** Takes what no route takes. */
export interface HttpFallback extends Pick<HttpRoute, "handle"> {
  /** Whether it answers such a request; asked at once, for what it does not take is answered as before. */
  takes(request: { readonly method: string; readonly path: string; readonly headers: IncomingHttpHeaders }): boolean;
}

/** Answers a plain HTTP request if a route takes it, and says whether it did. */
export type HttpRoutes = (req: NodeRequest, res: NodeResponse, origin: Origin) => boolean;

const maxBodyBytes = 64 * 1024;

/** Builds the table of plain HTTP routes; the first that fits is taken. Too many requests of an address answer 429. */
export function httpRoutes(
  routes: readonly HttpRoute[],
  limiter: Pick<RateLimiter, "takeFromAddress">,
  log: Logger,
  fallback?: HttpFallback,
): HttpRoutes {
  const table = routes.map((route) => ({ route, parts: route.path.split("/") }));
  const rest = fallback && ({ method: "GET", path: "(fallback)", handle: fallback.handle } as const);
  const fittingOf = (req: NodeRequest, path: string): Fitting[] => {
    const parts = path.split("/");
    const fitting = table.flatMap(({ route, parts: pattern }) => {
      const params = match(pattern, parts);
      return params === undefined ? [] : [{ route, params }];
    });
    if (fitting.length > 0 || rest === undefined) return fitting;
    const isTaken = fallback?.takes({ method: req.method ?? "", path, headers: req.headers }) === true;
    return isTaken ? [{ route: rest, params: {} }] : [];
  };
  return (req, res, origin) => {
    const [path = "", ...queryParts] = (req.url ?? "").split("?");
    const fitting = fittingOf(req, path);
    const [first] = fitting;
    if (first === undefined) return false;
    const method = req.method === "HEAD" ? "GET" : req.method;
    const chosen = fitting.find(({ route }) => route.method === method);
    if (chosen === undefined) {
      const allow = fitting.map(({ route }) => route.method).join(", ");
      const refusal = { status: 405, code: "unimplemented", message: `this path takes ${allow} only` };
      refuse(res, first.route, refusal, { allow });
      return true;
    }
    if (!chosen.route.unlimited && isTooMany(limiter, chosen.route, origin, res, log)) return true;
    void run(chosen.route, requestOf(req, chosen.params, queryParts.join("?"), origin), res, log);
    return true;
  };
}

/** A route whose path fits a request, and what stands in the path for its names. */
interface Fitting {
  readonly route: HttpRoute;
  readonly params: Readonly<Record<string, string>>;
}

function requestOf(req: NodeRequest, params: Fitting["params"], rawQuery: string, origin: Origin): HttpRequest {
  return {
    method: req.method ?? "",
    params,
    query: new URLSearchParams(rawQuery),
    rawQuery,
    headers: req.headers,
    origin,
    body: (maxBytes = maxBodyBytes) => readBody(req, maxBytes),
  };
}

/** Answers a request that is too many, and says whether it was; one line tells of each flood and window. */
function isTooMany(
  limiter: Pick<RateLimiter, "takeFromAddress">,
  route: HttpRoute,
  origin: Origin,
  res: NodeResponse,
  log: Logger,
): boolean {
  const { allowed, recorded, retryAfterMs } = limiter.takeFromAddress(origin.peer.address);
  if (allowed) return false;
  const { traceId: trace, requestId: request } = origin.trace;
  if (recorded) log.warn({ route: route.path, peer: origin.peer.address, trace, request }, "too many requests");
  const refusal = { status: 429, code: "resource_exhausted", message: "too many requests from this address" };
  refuse(res, route, refusal, retryAfterHeader(retryAfterMs));
  return true;
}

interface Refusal {
  readonly status: number;
  /** As over Connect. */
  readonly code: string;
  readonly message: string;
}

function refuse(
  res: NodeResponse,
  { json }: HttpRoute,
  { status, code, message }: Refusal,
  headers: Readonly<Record<string, string>> = {},
): void {
  const type = json ? "application/json" : "text/plain";
  answer(res, status, { "content-type": type, ...headers }, json ? JSON.stringify({ code, message }) : `${message}\n`);
}

async function run(route: HttpRoute, request: HttpRequest, res: NodeResponse, log: Logger): Promise<void> {
  try {
    const { status, headers = {}, body = "" } = await route.handle(request);
    if (body instanceof Readable) return await answerStream(res, status, headers, body, request.method);
    const type = typeof body === "string" && body !== "" ? { "content-type": "text/plain; charset=utf-8" } : {};
    answer(res, status, { ...type, ...headers }, body);
  } catch (error) {
    if (error instanceof BodyTooLong) {
      return refuse(res, route, { status: 413, code: "invalid_argument", message: error.message });
    }
    const { traceId: trace, requestId } = request.origin.trace;
    log.error({ route: route.path, err: error, trace, request: requestId }, "defect");
    refuse(res, route, { status: 500, code: "internal", message: "internal error" });
  }
}

function match(pattern: readonly string[], parts: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== parts.length) return undefined;
  const params: Record<string, string> = {};
  for (const [at, expected] of pattern.entries()) {
    const part = parts[at] ?? "";
    if (!expected.startsWith("{")) {
      if (expected !== part) return undefined;
      continue;
    }
    const decoded = decode(part);
    if (decoded === undefined || decoded === "") return undefined;
    params[expected.slice(1, -1)] = decoded;
  }
  return params;
}

function decode(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

/** A body of which not all was read. */
class BodyTooLong extends Error {
  constructor(maxBytes: number) {
    super(`the body is longer than ${maxBytes} bytes`);
  }
}

async function readBody(req: NodeRequest, maxBytes: number): Promise<Buffer> {
  // Who says so beforehand gets an answer; the connection of others ends.
  if (Number(req.headers["content-length"] ?? 0) > maxBytes) throw new BodyTooLong(maxBytes);
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) throw new BodyTooLong(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
