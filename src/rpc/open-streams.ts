import { setImmediate as nextTurn } from "node:timers/promises";
import type { Interceptor } from "@connectrpc/connect";
import { untilAborted } from "./streams.js";

/** The streams that are open now, so that all of them can be ended. */
export interface OpenStreams {
  /** Adds a stream; its signal fires with `parent`, or when all streams are ended. Throws once they were. */
  open(parent: AbortSignal): { readonly signal: AbortSignal; close(): void };
  /** Ends every stream with this error, and refuses new ones with it; slice by slice, so that others are served. */
  endAll(reason: Error): Promise<void>;
  readonly size: number;
}

const sliceSize = 500;

/** Makes an empty set of streams. */
export function createOpenStreams(): OpenStreams {
  const controllers = new Set<AbortController>();
  let closed: Error | undefined;
  return {
    open(parent) {
      if (closed !== undefined) throw closed;
      const controller = new AbortController();
      const onAbort = () => controller.abort(parent.reason);
      if (parent.aborted) onAbort();
      parent.addEventListener("abort", onAbort, { once: true });
      controllers.add(controller);
      const close = () => {
        parent.removeEventListener("abort", onAbort);
        controllers.delete(controller);
      };
      return { signal: controller.signal, close };
    },
    async endAll(reason) {
      closed = reason;
      const all = [...controllers];
      for (let at = 0; at < all.length; at += sliceSize) {
        for (const controller of all.slice(at, at + sliceSize)) controller.abort(reason);
        await nextTurn();
      }
    },
    get size() {
      return controllers.size;
    },
  };
}

/**
 * Ends a stream as soon as its caller is gone, its deadline passed or the
 * server shuts down, even when its handler does not look at its signal.
 */
export function guardStreams(streams: OpenStreams): Interceptor {
  return (next) => async (req) => {
    if (!req.stream) return next(req);
    const { signal, close } = streams.open(req.signal);
    try {
      const res = await next({ ...req, signal });
      return res.stream ? { ...res, message: untilAborted(res.message, signal, close) } : res;
    } catch (error) {
      close();
      throw error;
    }
  };
}
