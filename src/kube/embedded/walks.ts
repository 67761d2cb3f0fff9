import type { KubeObject, ObjectRef, ObjectStore, ResourceName } from "./types.js";

/** What one object is waiting for. */
export interface Stage<T extends KubeObject> {
  /** Distinguishes the stages of one object, so that an unrelated change does not restart the clock of one. */
  readonly key: string;
  /** How long it takes at time scale 1. */
  readonly ms: number;
  /** Does the work, idempotently, and answers what that changes in the object itself. */
  readonly carryOut: () => Promise<(draft: T, now: Date) => void>;
}

/** How the objects of one resource are led through their stages. */
export interface WalkOptions<T extends KubeObject> {
  readonly store: ObjectStore;
  readonly resource: ResourceName;
  /** Decides from the object alone what comes next; undefined when nothing is to be done. */
  readonly next: (object: T) => Stage<T> | undefined;
  /** Done before the objects are looked at for the first time. */
  readonly opening?: () => Promise<void>;
  readonly clock: () => Date;
  /** N runs N times faster. */
  readonly timeScale: number;
  /** A fault of the simulation itself; the same stage waits its time again. */
  readonly onError: (error: unknown, object: string) => void;
}

/** A running controller; `stop` resolves when nothing of it runs any more. */
export interface Controller {
  stop(): Promise<void>;
}

/** One object: the stage that it waits for, and the work that is being done. */
interface Walk {
  readonly ref: ObjectRef;
  readonly uid: string;
  waiting: { readonly key: string; readonly timer: NodeJS.Timeout } | undefined;
  working: Promise<void> | undefined;
}

/**
 * Walks every object of a resource through its stages. All that it knows is in the objects; in memory are only the
 * timers, so after a restart each object goes on with the stage that it was in.
 */
export function startWalks<T extends KubeObject>(options: WalkOptions<T>): Controller {
  const { store, resource, onError } = options;
  const walks = new Map<string, Walk>();
  let stopped = false;
  const look = (walk: Walk): void => {
    if (stopped || walk.working !== undefined) return;
    if (schedule(options, walk, () => work(walk)) === "gone") walks.delete(walk.uid);
  };
  const work = (walk: Walk): void => {
    walk.waiting = undefined;
    walk.working = pass(options, walk)
      .catch((error: unknown) => onError(error, walk.ref.name))
      .then(() => {
        walk.working = undefined;
        look(walk);
      });
  };
  const meet = ({ metadata }: KubeObject): void => {
    const { uid, name, namespace } = metadata;
    const ref = { ...resource, name, namespace };
    const walk = walks.get(uid) ?? { ref, uid, waiting: undefined, working: undefined };
    walks.set(uid, walk);
    look(walk);
  };
  const unwatch = store.watch(resource, ({ object }) => meet(object));
  const opening = (options.opening?.() ?? Promise.resolve())
    .catch((error: unknown) => onError(error, ""))
    .then(() => store.list(resource).forEach(meet));
  return {
    async stop() {
      unwatch();
      await opening;
      stopped = true;
      for (const { waiting } of walks.values()) clearTimeout(waiting?.timer);
      await Promise.all([...walks.values()].map(({ working }) => working));
    },
  };
}

/** Sets the timer for what an object is waiting for, unless that runs already. */
function schedule<T extends KubeObject>(
  { store, next, timeScale }: WalkOptions<T>,
  walk: Walk,
  work: () => void,
): "gone" | "there" {
  const object = current<T>(store.get(walk.ref), walk.uid);
  const stage = object && next(object);
  if (walk.waiting === undefined || walk.waiting.key !== stage?.key) {
    clearTimeout(walk.waiting?.timer);
    walk.waiting = stage && { key: stage.key, timer: setTimeout(work, stage.ms / timeScale) };
  }
  return object === undefined ? "gone" : "there";
}

function current<T extends KubeObject>(object: KubeObject | undefined, uid: string): T | undefined {
  return object?.metadata.uid === uid ? (object as T) : undefined;
}

/** Carries out the stage that an object was waiting for. */
async function pass<T extends KubeObject>(options: WalkOptions<T>, { ref, uid }: Walk): Promise<void> {
  const { store, next, clock } = options;
  const object = current<T>(store.get(ref), uid);
  const stage = object && next(object);
  if (stage === undefined) return;
  const change = await stage.carryOut();
  await store.modify(ref, (draft) => {
    // Somebody may have deleted or replaced it meanwhile: then the next look decides anew.
    const mine = current<T>(draft, uid);
    if (mine !== undefined && next(mine)?.key === stage.key) change(mine, clock());
  });
}
