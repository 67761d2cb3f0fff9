import type { KubeObject, StoreEvent } from "./types.js";

/** The objects of one resource, and what changed of late. */
export interface Collection {
  get(key: string): KubeObject | undefined;
  /** In order of namespace and name. */
  all(): KubeObject[];
  /** Puts an object of an earlier run in place without telling anybody. */
  restore(object: KubeObject): void;
  /** Carries a committed change out and tells the listeners. */
  commit(event: StoreEvent): void;
  /** Changes after a resourceVersion; undefined when they are no longer all known. */
  since(version: number): StoreEvent[] | undefined;
  /** The objects as they were at a resourceVersion; undefined when that is no longer known. */
  at(version: number): KubeObject[] | undefined;
  subscribe(listener: (event: StoreEvent) => void): () => void;
}

/** How many changes of one resource a client may miss before it has to list again. */
export const historyLength = 1000;

/** Key of an object in its collection. */
export function keyOf(namespace: string | undefined, name: string): string {
  return `${namespace ?? ""}/${name}`;
}

function keyOfObject(object: KubeObject): string {
  return keyOf(object.metadata.namespace, object.metadata.name);
}

/** Makes an empty collection, whose history begins at the resourceVersion `start`. */
export function createCollection(start: number, onListenerError: (error: unknown) => void): Collection {
  const objects = new Map<string, KubeObject>();
  const listeners = new Set<(event: StoreEvent) => void>();
  const history = createHistory(start);
  const tell = (listener: (event: StoreEvent) => void, event: StoreEvent) => {
    try {
      listener(event);
    } catch (error) {
      onListenerError(error);
    }
  };
  return {
    get: (key) => objects.get(key),
    all: () => inOrder(objects),
    restore: (object) => void objects.set(keyOfObject(object), object),
    commit(event) {
      const key = keyOfObject(event.object);
      if (event.type === "DELETED") objects.delete(key);
      else objects.set(key, event.object);
      history.remember(event);
      for (const listener of [...listeners]) tell(listener, event);
    },
    since: history.since,
    at(version) {
      const later = history.since(version);
      if (!later) return undefined;
      return inOrder(later.length === 0 ? objects : before(objects, later));
    },
    subscribe(listener) {
      // A wrapper of its own lets one function subscribe twice.
      const own = (event: StoreEvent) => listener(event);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
  };
}

function createHistory(start: number): Pick<Collection, "since"> & { remember: (event: StoreEvent) => void } {
  let events: StoreEvent[] = [];
  let floor = start;
  return {
    since: (version) => (version < floor ? undefined : events.filter((event) => versionOf(event.object) > version)),
    remember(event) {
      events.push(event);
      // Cut in halves, so that the cost of shifting is paid once in a while only.
      if (events.length < historyLength * 2) return;
      floor = versionOf(events[historyLength - 1]?.object);
      events = events.slice(historyLength);
    },
  };
}

/** The objects as they were before some changes. */
function before(objects: ReadonlyMap<string, KubeObject>, changes: readonly StoreEvent[]): Map<string, KubeObject> {
  const then = new Map(objects);
  for (const { object, previous } of changes.toReversed()) {
    if (previous) then.set(keyOfObject(object), previous);
    else then.delete(keyOfObject(object));
  }
  return then;
}

function inOrder(objects: ReadonlyMap<string, KubeObject>): KubeObject[] {
  return [...objects.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
}

function versionOf(object: KubeObject | undefined): number {
  return Number(object?.metadata.resourceVersion ?? 0);
}
