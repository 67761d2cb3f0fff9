import type { KubeLog } from "../embedded-kube.js";
import type { KubeObject, ObjectStore } from "../types.js";
import type { EventRecorder } from "./events.js";
import type { ObjectIndex } from "./object-index.js";

/** What all controllers of one cluster share. */
export interface World {
  readonly store: ObjectStore;
  readonly clock: () => Date;
  /** N runs N times faster. */
  readonly timeScale: number;
  readonly log: KubeLog;
  /** Pods by owner, node, namespace and label. */
  readonly pods: ObjectIndex;
  /** What belongs to others but is no pod, by owner. */
  readonly owned: ObjectIndex;
  /** Who selects pods or scales others, by what it selects or scales. */
  readonly lookups: ObjectIndex;
  readonly events: EventRecorder;
  readonly waits: Waits;
  /** How long a pod has been ready, in simulated milliseconds; undefined while it is not. */
  readonly readyFor: (pod: KubeObject) => number | undefined;
  /** Runs pieces of work that must not overlap one after the other. */
  readonly alone: <T>(work: () => Promise<T>) => Promise<T>;
}

/** Tells how long something has been as it is. In memory only: after a restart every wait begins anew. */
export interface Waits {
  /** Simulated milliseconds since `key` was first asked about with this `token`. */
  waited(key: string, token: string): number;
  forget(key: string): void;
}

/** Makes the memory of waits of one cluster. */
export function createWaits(timeScale: number): Waits {
  const since = new Map<string, { readonly token: string; readonly at: number }>();
  return {
    waited(key, token) {
      const now = performance.now();
      const known = since.get(key);
      if (known?.token === token) return (now - known.at) * timeScale;
      since.set(key, { token, at: now });
      return 0;
    },
    forget: (key) => void since.delete(key),
  };
}

/** Makes a queue of one. */
export function createTurns(): World["alone"] {
  let tail: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = tail.then(work);
    tail = result.catch(() => undefined);
    return result;
  };
}
