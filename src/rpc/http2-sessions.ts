import { constants, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { createStallWatch } from "./http2-stalls.js";
import { type ServeStream, takeTurns } from "./http2-turns.js";
import type { ListenLimits } from "./listen-limits.js";

/** The HTTP/2 connections of a server. */
export interface Sessions {
  /** Serves HTTP/2 on a connection. */
  take(socket: Socket): void;
  /** Lets each finish its streams, and takes no new ones. */
  closeAll(): void;
}

type SessionLimits = Pick<
  ListenLimits,
  | "idleTimeoutMs"
  | "requestTimeoutMs"
  | "stalledTimeoutMs"
  | "streamsPerTurn"
  | "maxHeaderBytes"
  | "resetBurst"
  | "resetsPerSecond"
>;

/** How often sessions are looked at within the shortest of their timeouts. */
const sweepsPerTimeout = 8;

/**
 * Serves the streams of a server and watches over its sessions: ends those whose client resets too
 * many streams, those that never ask for anything, those that fell idle, and
 * streams whose client takes nothing of its answer. One interval does all of
 * it, while there is a session.
 */
export function watchSessions(http2: Http2Server, limits: SessionLimits, serve: ServeStream): Sessions {
  const inTurn = takeTurns(serve, limits.streamsPerTurn);
  const sessions = new Map<ServerHttp2Session, WatchedSession>();
  const sweepMs = Math.min(limits.requestTimeoutMs, limits.stalledTimeoutMs, limits.idleTimeoutMs) / sweepsPerTimeout;
  let interval: NodeJS.Timeout | undefined;
  const sweep = (): void => {
    const now = performance.now();
    for (const watched of sessions.values()) watched.look(now);
    if (sessions.size > 0) return;
    clearInterval(interval);
    interval = undefined;
  };
  return {
    take(socket) {
      // HTTP/2 knows no half-open connection: a peer that ends its side is gone.
      socket.allowHalfOpen = false;
      http2.once("session", (session) => {
        sessions.set(session, watchSession(session, socket, limits, sweepMs, inTurn()));
        session.once("close", () => sessions.delete(session));
      });
      http2.emit("connection", socket);
      interval ??= setInterval(sweep, sweepMs).unref();
    },
    closeAll() {
      for (const session of sessions.keys()) session.close();
    },
  };
}

interface WatchedSession {
  /** Ends what has taken too long; `now` is performance.now(). */
  look(now: number): void;
}

function watchSession(
  session: ServerHttp2Session,
  socket: Socket,
  limits: SessionLimits,
  lingerMs: number,
  serve: ServeStream,
): WatchedSession {
  const streams = createStallWatch(limits.stalledTimeoutMs);
  const countReset = createResetGuard(session, socket, limits);
  let patienceMs = Math.min(limits.requestTimeoutMs, limits.idleTimeoutMs);
  // When the last stream ended; before the first one, when the session began.
  let quietSince = performance.now();

  function onClose(this: ServerHttp2Stream): void {
    streams.remove(this);
    if (streams.size === 0) quietSince = performance.now();
    // Resets may say NO_ERROR, too.
    if (this.rstCode !== constants.NGHTTP2_NO_ERROR || this.aborted) countReset();
  }
  const onStream: ServeStream = (stream, headers, flags, rawHeaders) => {
    patienceMs = limits.idleTimeoutMs;
    streams.add(stream);
    // An error that nobody listens to would end the process.
    stream.on("error", ignore).on("close", onClose);
    // Node tells the client of the limit and does not hold it.
    if (headerListSize(rawHeaders) > limits.maxHeaderBytes) stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    else serve(stream, headers, flags, rawHeaders);
  };
  session.on("stream", onStream);
  const settleStalls = createStallSettler(session, socket);
  return {
    look(now) {
      settleStalls(streams.stalled(now));
      // Quiet streams are no idleness: whoever watches may have nothing to hear for hours.
      const quietMs = streams.size > 0 ? 0 : now - quietSince;
      // Closing waits for the peer, which may take nothing any more.
      if (quietMs > patienceMs + lingerMs) socket.destroy();
      else if (quietMs > patienceMs) session.close();
    },
  };
}

/**
 * Ends stalled streams, if their client still answers a PING, or else their
 * connection. A connection that takes nothing is not to be told of resets: nghttp2
 * may then write empty DATA for ever, of streams that Node has let go of.
 */
function createStallSettler(session: ServerHttp2Session, socket: Socket) {
  let probe: { isAnswered: boolean } | undefined;
  return (stalled: readonly ServerHttp2Stream[]): void => {
    if (stalled.length === 0 || session.destroyed) {
      probe = undefined;
    } else if (probe === undefined) {
      const sent = { isAnswered: false };
      probe = sent;
      session.ping((error) => {
        sent.isAnswered = error === null;
      });
    } else if (probe.isAnswered) {
      probe = undefined;
      for (const stream of stalled) stream.close(constants.NGHTTP2_CANCEL);
    } else {
      socket.destroy();
    }
  };
}

/** Counts the resets of a session, and ends it when they are too many. */
function createResetGuard(session: ServerHttp2Session, socket: Socket, limits: SessionLimits): () => void {
  const { resetBurst, resetsPerSecond } = limits;
  let left = resetBurst;
  let countedAt = performance.now();
  let isEnding = false;
  return () => {
    const now = performance.now();
    left = Math.min(resetBurst, left + ((now - countedAt) / 1000) * resetsPerSecond) - 1;
    countedAt = now;
    if (left >= 0 || isEnding || session.destroyed) return;
    isEnding = true;
    session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    // Not session.destroy(), and not now: within a frame of this session that makes nghttp2 write empty DATA for ever.
    setImmediate(() => socket.destroy());
  };
}

/** The size of names and values, each pair with 32 bytes more (RFC 9113, section 10.5.1). */
function headerListSize(rawHeaders: readonly string[]): number {
  let size = rawHeaders.length * 16;
  for (const text of rawHeaders) size += text.length;
  return size;
}

const ignore = (): void => {};
