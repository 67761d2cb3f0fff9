import { constants, type ServerOptions } from "node:http2";

/** What connections may take of the server; docs/limits.md tells operators. */
export interface ListenLimits {
  /** Connections at once; further ones are dropped. */
  readonly maxConnections: number;
  /** The same of one source address, or IPv6 /64, that is no trusted proxy; 0 turns the limit off. */
  readonly maxConnectionsPerNetwork: number;
  /** Streams that one HTTP/2 connection may have open; a client holds back further ones. */
  readonly maxConcurrentStreams: number;
  /** Streams that one HTTP/2 connection may begin in one turn of the event loop; the others wait for the next. */
  readonly streamsPerTurn: number;
  /** Memory in MB that one HTTP/2 connection may use; slow readers of large streams need room. */
  readonly maxSessionMemory: number;
  /** Size of the headers of one request, in bytes, over either version of HTTP. */
  readonly maxHeaderBytes: number;
  /** Streams that a client may reset, or break by a fault of its own, on one HTTP/2 connection in one go. */
  readonly resetBurst: number;
  /** How many of them it gets back in a second. */
  readonly resetsPerSecond: number;
  /** Time for a connection's first bytes, its TLS handshake and each request's headers, in ms. */
  readonly headersTimeoutMs: number;
  /** Time for a whole HTTP/1.1 request, and for the first request of an HTTP/2 connection, in ms. */
  readonly requestTimeoutMs: number;
  /** Time for which a client may take nothing of an answer that waits for it, in ms. */
  readonly stalledTimeoutMs: number;
  /** Time after which an idle connection is closed, in ms. */
  readonly idleTimeoutMs: number;
}

export const defaultListenLimits: ListenLimits = {
  maxConnections: 10_000,
  maxConnectionsPerNetwork: 1_000,
  maxConcurrentStreams: 1_000,
  streamsPerTurn: 100,
  maxSessionMemory: 64,
  maxHeaderBytes: 16 * 1024,
  resetBurst: 900,
  resetsPerSecond: 30,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  stalledTimeoutMs: 5 * 60_000,
  idleTimeoutMs: 15 * 60_000,
};

/**
 * The settings of HTTP/2, all chosen on purpose:
 *
 * - maxConcurrentStreams: 1,000, so that a client of many watches needs few
 *   connections. Node clients hold back the stream beyond it without a word.
 * - maxHeaderListSize: as much as over HTTP/1.1; Node only tells the client, and
 *   watchSessions holds it.
 * - initialWindowSize: 64 kB, the protocol's own. A client's request bodies
 *   wait in windows of this size while nobody reads them: 1,000 streams hold
 *   64 MB, and the largest message, 4 MB, takes 64 round trips at the most.
 * - enablePush: nothing is pushed.
 * - maxSessionMemory: Node's 10 MB end a whole session with its calls as soon as
 *   200 readers leave 50 kB each unread. 64 MB hold 64 kB for each of 1,000 streams.
 * - maxHeaderListPairs: 128 fields are more than any client sends. A header block
 *   of one-byte references to the HPACK table is bounded by this and not by its
 *   own size.
 * - maxSettings: the protocol knows 7; clients add a few of their own.
 * - maxOutstandingPings: the server sends one PING at a time, to see whether a client is there.
 * - maxSessionInvalidFrames: frames that Node ignores, such as empty DATA. No
 *   client sends any for long.
 * - maxSessionRejectedStreams: streams opened beyond the limits. A client that
 *   has not read the SETTINGS yet may send a few too many.
 * - paddingStrategy: padding hides lengths that nobody hides here.
 * - unknownProtocolTimeout: connections arrive here only after their protocol is known.
 *
 * nghttp2 has limits of its own that Node does not let anyone set: 1,000 resets in
 * one go and 33 a second, 8 CONTINUATION frames for a header block, 1,000
 * answers to PING and SETTINGS that wait to be written. After too many resets it
 * says GOAWAY and leaves the connection open, deaf: resetBurst and
 * resetsPerSecond are therefore a little below.
 */
export function http2Options(limits: ListenLimits): ServerOptions {
  return {
    settings: {
      maxConcurrentStreams: limits.maxConcurrentStreams,
      maxHeaderListSize: limits.maxHeaderBytes,
      initialWindowSize: 65_535,
      enablePush: false,
    },
    maxSessionMemory: limits.maxSessionMemory,
    maxHeaderListPairs: 128,
    maxSettings: 16,
    maxOutstandingPings: 2,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    paddingStrategy: constants.PADDING_STRATEGY_NONE,
    unknownProtocolTimeout: limits.headersTimeoutMs,
  };
}
