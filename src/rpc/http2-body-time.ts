import { constants, type ServerHttp2Stream } from "node:http2";

/** Ends HTTP/2 streams whose requests do not come to their end. */
export interface BodyWatch {
  /**
   * Closes the stream with CANCEL unless its request ends, or the stream closes,
   * in time; this needs somebody who reads the request. A stream that is cut
   * short emits "end" too: `stream.closed` tells it from a whole request.
   */
  watch(stream: ServerHttp2Stream): void;
  /** The same for who notices the end of the request, or of the stream, and then releases it: it costs no listeners. */
  begin(stream: ServerHttp2Stream): void;
  /** Leaves a stream alone from now on, for example because its whole request is known to be there. */
  release(stream: ServerHttp2Stream): void;
  /** Streams that are watched. */
  readonly size: number;
}

/** Sweeps within one timeout: streams live at most a part in so many longer than the timeout. */
const sweepsPerTimeout = 8;

/**
 * Watches the requests of HTTP/2 streams, which Node gives no time limit. All
 * share one interval, which runs only while there is something to watch and
 * does not hold the process. A stream is closed between timeoutMs and 9/8 of it
 * after it was given here; timeoutMs is in ms, at least 8.
 */
export function createBodyWatch(timeoutMs: number): BodyWatch {
  // In the order in which they came, each with the number of sweeps before it.
  const began = new Map<ServerHttp2Stream, number>();
  let sweeps = 0;
  let interval: NodeJS.Timeout | undefined;

  const sweep = (): void => {
    sweeps += 1;
    for (const [stream, sweepsBefore] of began) {
      // The first sweep may have followed at once.
      if (sweeps - sweepsBefore <= sweepsPerTimeout) break;
      began.delete(stream);
      stream.close(constants.NGHTTP2_CANCEL);
    }
    if (began.size > 0) return;
    clearInterval(interval);
    interval = undefined;
  };
  // One function for all streams: this is on the way of every request.
  function onOver(this: ServerHttp2Stream): void {
    began.delete(this);
  }
  const begin = (stream: ServerHttp2Stream): void => {
    began.set(stream, sweeps);
    interval ??= setInterval(sweep, timeoutMs / sweepsPerTimeout).unref();
  };
  return {
    begin,
    watch(stream) {
      if (stream.endAfterHeaders || stream.readableEnded || stream.destroyed) return;
      begin(stream);
      stream.on("end", onOver).on("close", onOver);
    },
    release: (stream) => void began.delete(stream),
    get size() {
      return began.size;
    },
  };
}
