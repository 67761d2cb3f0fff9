import { randomUUID } from "node:crypto";
import type { DescService } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import type { ConnectRouter } from "@connectrpc/connect";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { type Meter, metrics as otel } from "@opentelemetry/api";
import type { Logger } from "pino";
import { Health } from "../../gen/ts/grpc/health/v1/health_pb.js";
import { type Audit, createAudit, type WriteAudit } from "./audit.js";
import type { Authenticate, WatchCaller } from "./authenticate.js";
import { writeCallLine } from "./call-log.js";
import { apiChain, toolChain } from "./chain.js";
import type { Admitted } from "./charge.js";
import { corsFor } from "./cors.js";
import type { Lifecycle } from "./drain.js";
import { registerHealth } from "./health.js";
import { type HttpFallback, type HttpRoute, httpRoutes } from "./http-routes.js";
import type { NodeHandler } from "./http-types.js";
import { policyOf } from "./method-options.js";
import { createRpcMetrics, type RpcMetrics } from "./metrics.js";
import { trustedProxies } from "./peer.js";
import { policyDefects } from "./policy-defects.js";
import { createRateLimiter, type RateLimiter, type RateLimits } from "./rate-limit.js";
import { registerReflection } from "./reflection.js";
import type { OnRefused } from "./refusals.js";
import type { StreamLimits } from "./stream-limit.js";
import { createTransport } from "./transport.js";
import type { TransportLimits } from "./transport-options.js";
import { warmValidator } from "./validate.js";

export interface HandlerLimits extends TransportLimits, RateLimits, StreamLimits {
  /** How long a call waits for its audit record before it is refused, in ms, unless its own deadline comes first. */
  readonly auditTimeoutMs: number;
}

export interface HandlerOptions {
  /** Registers the API's services; methods that it leaves out answer UNIMPLEMENTED. */
  readonly routes: (router: ConnectRouter) => void;
  readonly authenticate: Authenticate;
  /** The same past any cache: asked before a call is denied. */
  readonly refresh?: Authenticate;
  /** Tells when the caller of a stream has to be looked at again; without it a stream is judged once. */
  readonly watchCaller?: WatchCaller;
  readonly admitted: Admitted;
  readonly writeAudit: WriteAudit;
  readonly log: Logger;
  readonly clock: () => Date;
  /** Milliseconds that never fall, by which rates and durations are measured; the process's own unless given. */
  readonly now?: () => number;
  readonly newId: () => string;
  /** Names requests that bring no name; random UUIDs unless given, for they need no order. */
  readonly newRequestId?: () => string;
  readonly lifecycle: Lifecycle;
  /** Where instruments are declared; by default the meter that `@opentelemetry/api` gives out now. */
  readonly meter?: Meter;
  readonly limits?: Partial<HandlerLimits>;
  /** Of each method's successful reads one in so many is logged; every one unless told. */
  readonly logReadsOneIn?: number;
  /** Origins of browsers that may call, such as "https://console.example.com", or "*". */
  readonly corsOrigins?: readonly string[];
  /** Addresses and CIDR ranges of proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies?: readonly string[];
  /** Served beside /livez and /readyz. */
  readonly httpRoutes?: readonly HttpRoute[];
  /** Takes what is neither an RPC nor one of the routes. */
  readonly httpFallback?: HttpFallback | undefined;
}

export interface RpcServer {
  readonly handler: NodeHandler;
  /** The services of the API, as registered. */
  readonly services: readonly DescService[];
}

const defaultLimits: HandlerLimits = {
  readMaxBytes: 4 * 1024 * 1024,
  writeMaxBytes: 64 * 1024 * 1024,
  maxTimeoutMs: 24 * 60 * 60_000,
  compressMinBytes: 10_000,
  bodyTimeoutMs: 60_000,
  auditTimeoutMs: 5_000,
  rateLimit: { calls: 1_000, seconds: 1 },
  tokenRateLimit: { calls: 1_000, seconds: 1 },
  anonymousStreams: 10_000,
  anonymousStreamsPerNetwork: 1_000,
  tokenStreams: 1_000,
};

/**
 * Builds the handler of all requests: the API behind its chain of interceptors,
 * health, reflection, and plain HTTP. Throws an Error that names every method
 * whose options or scope field are wrong.
 */
export function createHandler(options: HandlerOptions): RpcServer {
  const { log, lifecycle, newId, clock, now = () => performance.now() } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const metrics = createRpcMetrics(options.meter ?? otel.getMeter("slipway"));
  const write = options.writeAudit;
  const audit = createAudit({ write, log, metrics, clock, newId, timeoutMs: limits.auditTimeoutMs });
  const validator = createValidator();
  const { logReadsOneIn = 1 } = options;
  const calls = { log, metrics, now, streams: lifecycle.streams, limits, logReadsOneIn };
  const { watchCaller, admitted } = options;
  const tools = toolChain(calls);
  const rateLimiter = createRateLimiter(limits, now);
  const { remembering } = rateLimiter.known;
  let services: readonly DescService[] = [];
  const handler = createTransport({
    ...limits,
    interceptors: apiChain({
      ...calls,
      audit,
      validator,
      authenticate: remembering(options.authenticate),
      refresh: options.refresh && remembering(options.refresh),
      watchCaller,
      admitted,
      rateLimiter,
    }),
    routes(router) {
      options.routes(router);
      services = [...new Set(router.handlers.map(({ service }) => service))];
      demandSoundPolicies(services);
      registerHealth(router, lifecycle, services, tools);
      registerReflection(router, [...services, Health], tools);
    },
    httpRoutes: httpRoutes(
      [...probes(lifecycle), ...(options.httpRoutes ?? [])],
      rateLimiter,
      log,
      options.httpFallback,
    ),
    cors: corsFor(options.corsOrigins ?? []),
    trusted: trustedProxies(options.trustedProxies ?? []),
    shutdownSignal: lifecycle.shutdownSignal,
    onRefused: recordRefusals(log, metrics, audit, rateLimiter),
    newId: options.newRequestId ?? randomUUID,
    log,
  });
  warmValidator(validator, services);
  return { handler, services };
}

function demandSoundPolicies(services: readonly DescService[]): void {
  const defects = policyDefects(services);
  if (defects.length > 0) throw new Error(`methods without a sound policy:\n${defects.join("\n")}`);
}

function recordRefusals(log: Logger, metrics: RpcMetrics, audit: Audit, rateLimiter: RateLimiter): OnRefused {
  return ({ method, origin, code, ms }) => {
    const policy = policyOf(method);
    const rpc = policy.path;
    const name = codeToString(code);
    const { traceId: trace, requestId: request } = origin.trace;
    const line = { rpc, code: name, ms, err: "refused before it was decoded", trace, request };
    writeCallLine(log, false, code, { caller: undefined, tenant: undefined, project: undefined, ...line });
    metrics.refused(rpc, name, ms / 1000);
    // Who sends nothing but garbage fills the records no faster than others.
    if (rateLimiter.takeFromAddress(origin.peer.address).recorded) audit.refused(policy, origin, code);
  };
}

function probes(lifecycle: Lifecycle): HttpRoute[] {
  return [
    { method: "GET", path: "/livez", unlimited: true, handle: () => ({ status: 200, body: "ok\n" }) },
    {
      method: "GET",
      path: "/readyz",
      unlimited: true,
      handle: () => ({ status: lifecycle.ready() ? 200 : 503, body: `${lifecycle.state()}\n` }),
    },
  ];
}
