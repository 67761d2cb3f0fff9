import type { BlockList } from "node:net";
import type { ConnectRouter, Interceptor } from "@connectrpc/connect";
import type { Logger } from "pino";
import type { Cors } from "./cors.js";
import type { HttpRoutes } from "./http-routes.js";
import type { OnRefused } from "./refusals.js";

export interface TransportLimits {
  /** Largest request message in bytes; a larger one is RESOURCE_EXHAUSTED. */
  readonly readMaxBytes: number;
  /** Largest response message in bytes, likewise. */
  readonly writeMaxBytes: number;
  /** Longest timeout that a caller may ask for, in ms; a longer one is INVALID_ARGUMENT. */
  readonly maxTimeoutMs: number;
  /** Smallest response message that is worth compressing, in bytes. */
  readonly compressMinBytes: number;
  /** Time for the whole request over HTTP/2, in ms; requests that are streams may take longer. */
  readonly bodyTimeoutMs: number;
}

export interface TransportOptions extends TransportLimits {
  /** What each call passes, unless its service is registered with others; the outermost first. */
  readonly interceptors: Interceptor[];
  /** Registers the services. */
  readonly routes: (router: ConnectRouter) => void;
  readonly httpRoutes: HttpRoutes;
  readonly cors: Cors;
  readonly trusted: BlockList;
  readonly newId: () => string;
  readonly log: Logger;
  readonly shutdownSignal: AbortSignal;
  /** Told of calls that ended before they reached the interceptors. */
  readonly onRefused: OnRefused;
}
