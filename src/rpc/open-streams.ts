import { setImmediate as nextTurn } from "node:timers/promises";
import type { Interceptor, StreamRequest } from "@connectrpc/connect";
import { endOf, type StreamEnd, withSignal } from "./stream-end.js";
import { untilAborted } from "./streams.js";

/** The streams that are open now, so that all of them can be ended. */
export interface OpenStreams {
  /** Adds a stream until the returned function is called. Throws once all streams were ended. */
  open(end: StreamEnd): () => void;
  /** Ends every stream with this error, and refuses new ones with it; slice by slice, so that others are served. */
  endAll(reason: Error): Promise<void>;
  readonly size: number;
}

const sliceSize = 500;

/** Makes an empty set of streams. */
export function createOpenStreams(): OpenStreams {
  const ends = new Set<StreamEnd>();
  let closed: Error | undefined;
  return {
    open(end) {
      if (closed !== undefined) throw closed;
      ends.add(end);
      return () => ends.delete(end);
    },
    async endAll(reason) {
      closed = reason;
      const all = [...ends];
      for (let at = 0; at < all.length; at += sliceSize) {
        for (const end of all.slice(at, at + sliceSize)) end.abort(reason);
        await nextTurn();
      }
    },
    get size() {
      return ends.size;
    },
  };
}

/**
 * Ends a stream as soon as its caller is gone, its deadline passed or the
 * server shuts down, even when its handler does not look at its signal.
 */
export function guardStreams(streams: OpenStreams): Interceptor {
  const guarded = async (next: AnyFn, req: StreamRequest): ReturnType<AnyFn> => {
    const end = endOf(req);
    const close = streams.open(end);
    try {
      const res = await next(withSignal(req, end));
      return res.stream ? { ...res, message: untilAborted(res.message, end.signal, close) } : res;
    } catch (error) {
      close();
      throw error;
    }
  };
  return (next) => (req) => (req.stream ? guarded(next, req) : next(req));
}

type AnyFn = ReturnType<Interceptor>;
