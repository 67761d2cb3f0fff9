import { setMaxListeners } from "node:events";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Readiness } from "./health.js";
import type { Listener } from "./listen.js";
import { createOpenStreams, type OpenStreams } from "./open-streams.js";

export type LifecycleState = "starting" | "ready" | "draining";

export interface DrainOptions {
  /** Time between "not ready" and the end of accepting, in which balancers turn away; default 0. */
  readonly settleMs?: number;
  /** Time that calls under way get to finish, in ms. */
  readonly graceMs: number;
}

/** The life of one server, from start to shutdown. */
export interface Lifecycle extends Readiness {
  state(): LifecycleState;
  /** Says that the server may take calls, or for now may not; without effect once it drains. */
  setReady(ready: boolean): void;
  readonly streams: OpenStreams;
  /** Fires when the grace for calls under way is over. */
  readonly shutdownSignal: AbortSignal;
  /**
   * Shuts down: not ready, every stream ended with UNAVAILABLE, unary calls
   * served until the listener is closed. Resolves when no connection is left.
   */
  drain(listener: Listener, options: DrainOptions): Promise<void>;
}

// Handlers that heed the end of the grace can still answer before their connection goes.
const lastWordMs = 250;

/** Makes the lifecycle of a server that is starting. */
export function createLifecycle(): Lifecycle {
  let state: LifecycleState = "starting";
  const listeners = new Set<() => void>();
  const streams = createOpenStreams();
  const shutdown = new AbortController();
  // Every call under way listens to it.
  setMaxListeners(0, shutdown.signal);
  const become = (next: LifecycleState) => {
    if (state === next || state === "draining") return;
    state = next;
    for (const listener of listeners) listener();
  };
  return {
    state: () => state,
    ready: () => state === "ready",
    setReady: (ready) => become(ready ? "ready" : "starting"),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    streams,
    shutdownSignal: shutdown.signal,
    async drain(listener, { settleMs = 0, graceMs }) {
      become("draining");
      // Watchers of the health service hear of it before their streams end.
      await nextTurn();
      await streams.endAll(new ConnectError("the server is shutting down, reconnect", Code.Unavailable));
      await sleep(settleMs);
      const late = new ConnectError("the server is shutting down", Code.Unavailable);
      const timer = setTimeout(() => shutdown.abort(late), graceMs);
      await listener.close({ graceMs: graceMs + lastWordMs });
      clearTimeout(timer);
    },
  };
}
