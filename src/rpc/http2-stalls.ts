import type { ServerHttp2Stream } from "node:http2";

/** Streams of one HTTP/2 connection, and which of them have a client that takes nothing of what is written. */
export interface StallWatch {
  add(stream: ServerHttp2Stream): void;
  remove(stream: ServerHttp2Stream): void;
  /** Streams that were added and not removed. */
  readonly size: number;
  /** Those that have stalled for too long; `now` is performance.now(). */
  stalled(now: number): readonly ServerHttp2Stream[];
}

/** Bytes in a ms that a client takes at least: Node tells of a chunk only when all of it is written. */
const slowestRate = 16;

/** What waits in a stream, and since when it is so much. */
interface Waiting {
  readonly bytes: number;
  readonly since: number;
}

/** Begins with no streams; a stalled one has timeoutMs, and a ms more for each 16 bytes that wait in it. */
export function createStallWatch(timeoutMs: number): StallWatch {
  const streams = new Set<ServerHttp2Stream>();
  const waiting = new Map<ServerHttp2Stream, Waiting>();
  const isStalled = (stream: ServerHttp2Stream, now: number): boolean => {
    const bytes = stream.writableLength;
    if (bytes === 0 && stream.writableEnded === stream.writableFinished) {
      waiting.delete(stream);
      return false;
    }
    const before = waiting.get(stream);
    if (before === undefined || before.bytes !== bytes) {
      waiting.set(stream, { bytes, since: now });
      return false;
    }
    return now - before.since > timeoutMs + bytes / slowestRate;
  };
  return {
    add: (stream) => void streams.add(stream),
    remove(stream) {
      streams.delete(stream);
      waiting.delete(stream);
    },
    get size() {
      return streams.size;
    },
    stalled: (now) => [...streams].filter((stream) => isStalled(stream, now)),
  };
}
