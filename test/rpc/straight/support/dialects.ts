import { envelope, type Target } from "./messages.js";

/** A protocol in one of its formats that the straight path serves. */
export interface StraightDialect {
  readonly name: string;
  readonly type: string;
  /** Whether HTTP/1.1 can carry it on the straight path. */
  readonly http1: boolean;
  bodyOf(target: Target): Buffer;
  /** The header for a time in ms. */
  timeout(ms: number): Record<string, string>;
}

const connectTimeout = (ms: number) => ({ "connect-timeout-ms": String(ms) });

export const grpc: StraightDialect = {
  name: "gRPC",
  type: "application/grpc",
  http1: false,
  bodyOf: ({ binary }) => envelope(binary),
  timeout: (ms) => ({ "grpc-timeout": `${ms}m` }),
};

export const connectProto: StraightDialect = {
  name: "Connect, binary",
  type: "application/proto",
  http1: true,
  bodyOf: ({ binary }) => binary,
  timeout: connectTimeout,
};

export const connectJson: StraightDialect = {
  name: "Connect, JSON",
  type: "application/json",
  http1: true,
  bodyOf: ({ json }) => json,
  timeout: connectTimeout,
};

/** All that the straight path serves. */
export const straightDialects: readonly StraightDialect[] = [grpc, connectProto, connectJson];

/** Headers of a good request. */
export function headersOf(dialect: StraightDialect, act: string, requestId = "req-1"): Record<string, string> {
  return { "content-type": dialect.type, authorization: "Bearer owner", "x-request-id": requestId, "x-act": act };
}

/** A good request over HTTP/2, without its body. */
export function http2HeadersOf(dialect: StraightDialect, { path }: Target, act: string, requestId?: string) {
  const pseudo = { ":method": "POST", ":scheme": "http", ":path": path, ":authority": "example.com" };
  return { ...pseudo, ...headersOf(dialect, act, requestId), te: "trailers" };
}

/** The head of a good request over HTTP/1.1. */
export function http1HeadOf(
  dialect: StraightDialect,
  target: Target,
  act: string,
  more: Record<string, string> = {},
): Buffer {
  const length = String(dialect.bodyOf(target).length);
  const headers = { host: "example.com", "content-length": length, ...headersOf(dialect, act), ...more };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return Buffer.from(`POST ${target.path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
}
