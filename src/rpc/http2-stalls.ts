import { constants, type ServerHttp2Stream } from "node:http2";

/** Streams of one HTTP/2 connection, of which those are ended whose client takes nothing of what is written. */
export interface StallWatch {
  add(stream: ServerHttp2Stream): void;
  remove(stream: ServerHttp2Stream): void;
  /** Streams that were added and not removed. */
  readonly size: number;
  /**
   * Closes with CANCEL what has stalled for too long; `now` is
   * performance.now(). True when even that is not taken: the connection itself
   * is stalled.
   */
  look(now: number): boolean;
}

/** Bytes in a ms that a client takes at least: Node tells of a chunk only when all of it is written. */
const slowestRate = 16;

/** What waits in a stream, and since when it is so much. */
interface Waiting {
  readonly bytes: number;
  readonly since: number;
}

/** Begins with no streams; a stalled one has timeoutMs, and a ms more for each 16 bytes that wait in it. */
export function createStallWatch(timeoutMs: number, lingerMs: number): StallWatch {
  const streams = new Set<ServerHttp2Stream>();
  const stalled = new Map<ServerHttp2Stream, Waiting>();
  const lookAt = (stream: ServerHttp2Stream, now: number): boolean => {
    const bytes = stream.writableLength;
    if (bytes === 0 && stream.writableEnded === stream.writableFinished) {
      stalled.delete(stream);
      return false;
    }
    const before = stalled.get(stream);
    if (before === undefined || before.bytes !== bytes) {
      stalled.set(stream, { bytes, since: now });
      return false;
    }
    const leftMs = before.since + timeoutMs + bytes / slowestRate - now;
    if (leftMs < 0) stream.close(constants.NGHTTP2_CANCEL);
    return leftMs < -lingerMs;
  };
  return {
    add: (stream) => void streams.add(stream),
    remove(stream) {
      streams.delete(stream);
      stalled.delete(stream);
    },
    get size() {
      return streams.size;
    },
    look(now) {
      let isStuck = false;
      for (const stream of streams) isStuck = lookAt(stream, now) || isStuck;
      return isStuck;
    },
  };
}
