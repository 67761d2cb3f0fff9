import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { interceptorsOf } from "./interceptors.js";
import { type Slipway, type SlipwayOptions, serverUrl, slipwayOver } from "./options.js";

export type { Slipway, SlipwayOptions, TokenSource } from "./options.js";

/** How the certificate of the server is judged. */
export interface TlsOptions {
  /** PEM of the authorities to trust instead of those of Node.js. */
  readonly ca?: string | readonly string[] | undefined;
  /** Whether a certificate must be trusted; it must unless told, and only tests should tell. */
  readonly rejectUnauthorized?: boolean | undefined;
}

/** What a client in Node.js can be told. */
export interface NodeSlipwayOptions extends SlipwayOptions {
  /** Both over HTTP/2; gRPC unless told. Connect is for gateways that do not let trailers pass. */
  readonly protocol?: "grpc" | "connect" | undefined;
  readonly tls?: TlsOptions | undefined;
}

/** Connections with open calls are asked for a sign of life that often. */
const pingIntervalMs = 20_000;
const pingTimeoutMs = 10_000;

/** Opens a client for Node.js; it connects with the first call, and again whenever the connection is lost. */
export function openSlipway(options: NodeSlipwayOptions): Slipway {
  const url = serverUrl(options.url);
  const { ca, rejectUnauthorized = true } = options.tls ?? {};
  const shared = {
    baseUrl: url.href,
    interceptors: interceptorsOf(options, url),
    nodeOptions: { rejectUnauthorized, ...(ca === undefined ? {} : { ca: typeof ca === "string" ? ca : [...ca] }) },
    pingIntervalMs,
    pingTimeoutMs,
  };
  const transport =
    options.protocol === "connect"
      ? createConnectTransport({ ...shared, httpVersion: "2", useBinaryFormat: true })
      : createGrpcTransport(shared);
  return slipwayOver(transport, options.timeoutMs);
}
