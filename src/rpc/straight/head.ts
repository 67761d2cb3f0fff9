import type { IncomingHttpHeaders } from "node:http";
import {
  contentTypeUnaryJson,
  contentTypeUnaryProto,
  parseTimeout as parseConnectTimeout,
} from "@connectrpc/connect/protocol-connect";
import { contentTypeProto, parseTimeout as parseGrpcTimeout } from "@connectrpc/connect/protocol-grpc";
import type { StraightMethod, StraightMethods } from "./methods.js";

/** A protocol that is spoken here, in one of its formats. */
export interface Dialect {
  readonly protocolName: "grpc" | "connect";
  readonly binary: boolean;
  /** The type of a good answer's body. */
  readonly contentType: string;
}

/** What the headers of a request say that is served here. */
export interface Head {
  readonly method: StraightMethod;
  readonly dialect: Dialect;
  readonly path: string;
  readonly url: string;
  /** In ms; undefined: as long as it takes. */
  readonly timeoutMs: number | undefined;
  /** Whether the caller takes gzip. */
  readonly gzip: boolean;
}

const grpc: Dialect = { protocolName: "grpc", binary: true, contentType: contentTypeProto };
const connectProto: Dialect = { protocolName: "connect", binary: true, contentType: contentTypeUnaryProto };
const connectJson: Dialect = { protocolName: "connect", binary: false, contentType: contentTypeUnaryJson };

// Other spellings of the same are rare enough to go the long way.
const dialects: ReadonlyMap<string | undefined, Dialect> = new Map([
  ["application/grpc", grpc],
  ["application/grpc+proto", grpc],
  [contentTypeUnaryProto, connectProto],
  [contentTypeUnaryJson, connectJson],
]);

export interface HeadLimits {
  readonly readMaxBytes: number;
  readonly maxTimeoutMs: number;
}

/** Which requests are served here: the whole rule. */
export interface Heads {
  /**
   * Reads the headers of a POST to a path as it was sent, by HTTP/2 or 1.1; undefined when anything is asked for that is not
   * done here, such as a compressed request, or is wrong in any way.
   */
  read(path: string | undefined, headers: IncomingHttpHeaders, http2: boolean, encrypted: boolean): Head | undefined;
}

/** Bytes before the message of a gRPC request: its flags and its length. */
export const envelopeBytes = 5;

export function createHeads(methods: StraightMethods, limits: HeadLimits): Heads {
  const origins = createOrigins();
  return {
    read(path = "", headers, http2, encrypted) {
      const method = methods.get(path);
      const dialect = dialects.get(headers["content-type"]);
      if (method === undefined || dialect === undefined) return undefined;
      const isGrpc = dialect.protocolName === "grpc";
      // Trailers, and with them gRPC, are left to HTTP/2 here; streams of Connect have a content type of their own.
      if (isGrpc ? !http2 : method.kind !== "unary") return undefined;
      const encoding = isGrpc ? headers["grpc-encoding"] : headers["content-encoding"];
      if ((encoding !== undefined && encoding !== "identity") || headers.expect !== undefined) return undefined;
      const length = Number(headers["content-length"] ?? 0);
      if (!(length <= limits.readMaxBytes + (isGrpc ? envelopeBytes : 0))) return undefined;
      const timeout = timeoutOf(headers, isGrpc, limits.maxTimeoutMs);
      const origin = origins(http2 ? headers[":authority"] : headers.host, encrypted);
      if (timeout.error !== undefined || origin === undefined) return undefined;
      const accepted = isGrpc ? headers["grpc-accept-encoding"] : headers["accept-encoding"];
      const { timeoutMs } = timeout;
      return { method, dialect, path, url: origin + path, timeoutMs, gzip: takesGzip(accepted) };
    },
  };
}

const noTimeout: ReturnType<typeof parseGrpcTimeout> = {};

function timeoutOf(headers: IncomingHttpHeaders, isGrpc: boolean, maxMs: number): typeof noTimeout {
  const value = headers[isGrpc ? "grpc-timeout" : "connect-timeout-ms"];
  if (value === undefined) return noTimeout;
  return (isGrpc ? parseGrpcTimeout : parseConnectTimeout)(String(value), maxMs);
}

const takesGzip = (accepted: string | string[] | undefined): boolean =>
  accepted !== undefined &&
  String(accepted)
    .split(",")
    .some((name) => name.trim() === "gzip");

const mostOrigins = 1_000;

/** Scheme and authority in the one spelling that URLs have; undefined for what is no authority. */
function createOrigins(): (authority: string | string[] | undefined, encrypted: boolean) => string | undefined {
  const known = new Map<string, string>();
  return (authority, encrypted) => {
    if (typeof authority !== "string") return undefined;
    const base = `${encrypted ? "https" : "http"}://${authority}`;
    const found = known.get(base);
    if (found !== undefined) return found;
    const url = URL.canParse(base) ? new URL(base) : undefined;
    // With a path or a user in it the authority is none.
    if (url === undefined || url.href !== `${url.origin}/`) return undefined;
    if (known.size < mostOrigins) known.set(base, url.origin);
    return url.origin;
  };
}
