import type { Logger } from "pino";
import type { KubeObject } from "./objects.js";

/** One change of an object. */
export interface ObjectEvent<T extends KubeObject> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: T;
}

/** What a follower does with what it learns. */
export interface ObjectHandlers<T extends KubeObject> {
  /** The whole collection; whatever is not in it no longer exists. */
  onSync(items: readonly T[]): void | Promise<void>;
  onEvent(event: ObjectEvent<T>): void | Promise<void>;
}

/** Hands events to slow handlers, one at a time and in order. */
export interface Delivery<T extends KubeObject> {
  sync(items: readonly T[]): void;
  event(event: ObjectEvent<T>): void;
  /** Forgets what waits; resolves when the handler that runs now has returned. */
  stop(): Promise<void>;
}

/**
 * While a handler runs, only the newest event of each object waits, and a sync
 * replaces everything before it: so no more waits than there are objects. A
 * handler that throws is logged, does not stop the others, and `onFailure` hears of it.
 */
export function openDelivery<T extends KubeObject>(
  handlers: ObjectHandlers<T>,
  log: Logger,
  onFailure: () => void,
): Delivery<T> {
  const backlog = createBacklog<T>();
  let running: Promise<void> | undefined;
  let stopped = false;
  const run = async () => {
    // Never in the caller's stack; and `running` must be set before it is cleared below.
    await Promise.resolve();
    for (let task = backlog.next(handlers); task !== undefined; task = backlog.next(handlers)) {
      try {
        await task();
      } catch (error) {
        log.error({ err: error }, "a handler of Kubernetes events failed");
        onFailure();
      }
    }
    running = undefined;
  };
  const wake = () => {
    if (!stopped) running ??= run();
  };
  return {
    sync(items) {
      backlog.sync(items);
      wake();
    },
    event(event) {
      backlog.event(event);
      wake();
    },
    async stop() {
      stopped = true;
      backlog.clear();
      await running;
    },
  };
}

/** What waits for its handler: at most one sync, and after it one event per object. */
function createBacklog<T extends KubeObject>() {
  let items: readonly T[] | undefined;
  const events = new Map<string, ObjectEvent<T>>();
  const clear = () => {
    items = undefined;
    events.clear();
  };
  return {
    clear,
    sync(all: readonly T[]) {
      clear();
      items = all;
    },
    event(event: ObjectEvent<T>) {
      const key = keyOf(event.object);
      events.set(key, merge(events.get(key), event));
    },
    /** Takes the next task out; undefined when there is none. */
    next(handlers: ObjectHandlers<T>): (() => void | Promise<void>) | undefined {
      if (items !== undefined) {
        const all = items;
        items = undefined;
        return () => handlers.onSync(all);
      }
      for (const [key, event] of events) {
        events.delete(key);
        return () => handlers.onEvent(event);
      }
      return undefined;
    },
  };
}

/** By uid, so that the deletion of one object and the creation of its namesake are both told. */
function keyOf({ metadata }: KubeObject): string {
  return metadata.uid ?? `${metadata.namespace ?? ""}/${metadata.name}`;
}

/** A change of an object that nobody has been told of yet is still its first appearance. */
function merge<T extends KubeObject>(waiting: ObjectEvent<T> | undefined, event: ObjectEvent<T>): ObjectEvent<T> {
  return waiting?.type === "ADDED" && event.type === "MODIFIED" ? { type: "ADDED", object: event.object } : event;
}
