import type { Validator } from "@bufbuild/protovalidate";
import type { Interceptor } from "@connectrpc/connect";
import type { Audit } from "./audit.js";
import { type Authenticate, authenticateBy, type WatchCaller } from "./authenticate.js";
import { authorizeBy } from "./authorize.js";
import { openCall } from "./call.js";
import { type CallLogOptions, logCalls } from "./call-log.js";
import { type Admitted, chargeBy } from "./charge.js";
import { readFirstMessage } from "./first-message.js";
import { mapErrors } from "./map-errors.js";
import { guardStreams, type OpenStreams } from "./open-streams.js";
import { limitRate, limitTokenRate, type RateLimiter } from "./rate-limit.js";
import { stayAuthorized } from "./stay-authorized.js";
import { limitStreams, type StreamLimits } from "./stream-limit.js";
import { validateBy } from "./validate.js";

export interface ChainOptions extends CallLogOptions {
  readonly audit: Audit;
  readonly rateLimiter: RateLimiter;
  readonly authenticate: Authenticate;
  /** The same, past any cache. */
  readonly refresh: Authenticate | undefined;
  /** Tells when the caller of a stream has to be looked at again. */
  readonly watchCaller: WatchCaller | undefined;
  readonly admitted: Admitted;
  readonly validator: Validator;
  readonly streams: OpenStreams;
  readonly limits: StreamLimits;
}

/** What every call of the API passes, the outermost first. */
export function apiChain(options: ChainOptions): Interceptor[] {
  return [
    openCall,
    mapErrors,
    logCalls(options),
    options.audit.outcome,
    limitRate(options.rateLimiter),
    authenticateBy(options.authenticate),
    limitTokenRate(options.rateLimiter),
    limitStreams(options.limits, options.now),
    readFirstMessage,
    authorizeBy(options.refresh),
    ...(options.watchCaller === undefined ? [] : [stayAuthorized(options.authenticate, options.watchCaller)]),
    chargeBy(options.admitted),
    validateBy(options.validator),
    options.audit.request,
    guardStreams(options.streams),
  ];
}

/**
 * What probes and tools pass, which have no options and need no caller: health and reflection. Their streams
 * are counted apart: balancers must be able to watch a server however many watch the platform.
 */
export function toolChain(options: CallLogOptions & Pick<ChainOptions, "streams" | "limits">): Interceptor[] {
  const { limits, now, streams } = options;
  return [openCall, mapErrors, logCalls({ ...options, quiet: true }), limitStreams(limits, now), guardStreams(streams)];
}
