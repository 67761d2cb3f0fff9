import { StatusError } from "../status-error.js";
import type { KubeObject, ObjectRef, ResourceName, StoreEvent } from "../types.js";
import { controllerOf } from "./objects.js";
import { createWorkQueue } from "./work-queue.js";
import type { World } from "./world.js";

/** What brings the objects of one resource into the state that they ask for. */
export interface Controller {
  readonly resource: ResourceName;
  /** Idempotent; answers in how many simulated milliseconds to look again, if at all. */
  readonly reconcile: (object: KubeObject, world: World) => Promise<number | undefined>;
  /** Changes of other resources, and the objects that they matter to, as "namespace/name". */
  readonly triggers?: readonly Trigger[];
  /** Whether a change of an own object matters; default: all do. */
  readonly matters?: (event: StoreEvent) => boolean;
  readonly gone?: (object: KubeObject, world: World) => void;
}

/** Objects to be looked at when something else changes. */
export interface Trigger {
  readonly resource: ResourceName;
  readonly keys: (event: StoreEvent, world: World) => Iterable<string>;
}

const retryMs = 1000;

/** Runs a controller until the returned function is called. */
export function startController(controller: Controller, world: World): () => Promise<void> {
  const { resource, reconcile, triggers = [], matters, gone } = controller;
  const { store, timeScale, log } = world;
  const queue = createWorkQueue({
    retryMs: retryMs / timeScale,
    async work(key) {
      const object = store.get(refOfKey(resource, key));
      const again = object && (await reconcile(object, world));
      return again === undefined ? undefined : again / timeScale;
    },
    onError(error, key) {
      if (isExpected(error)) return;
      log.error({ err: error, resource: resource.resource, key }, "a simulated controller failed");
    },
  });
  const stops = [
    store.watch(resource, (event) => {
      if (event.type === "DELETED") gone?.(event.object, world);
      else if (matters?.(event) ?? true) queue.add(keyOf(event.object));
    }),
    ...triggers.map(({ resource: other, keys }) =>
      store.watch(other, (event) => {
        for (const key of keys(event, world)) queue.add(key);
      }),
    ),
  ];
  for (const object of store.list(resource)) queue.add(keyOf(object));
  return async () => {
    for (const stop of stops) stop();
    await queue.stop();
  };
}

/** Refusals that come with the end of a namespace or of the server, or from somebody who was faster. */
function isExpected(error: unknown): boolean {
  return error instanceof StatusError && [403, 404, 409, 429, 503].includes(error.code);
}

/** "namespace/name"; the namespace is empty for cluster-scoped objects. */
export function keyOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}

/** The object of a key. */
export function refOfKey(resource: ResourceName, key: string): ObjectRef {
  const [namespace = "", name = ""] = key.split("/");
  return { ...resource, name, ...(namespace === "" ? {} : { namespace }) };
}

/** Looks at the owner of an object when that changes. */
export function whenOwned(resource: ResourceName, kind: string): Trigger {
  return {
    resource,
    keys: ({ object }) => {
      const owner = controllerOf(object);
      return owner?.kind === kind ? [`${object.metadata.namespace ?? ""}/${owner.name}`] : [];
    },
  };
}
