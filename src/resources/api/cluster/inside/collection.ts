import type { Intake } from "../../../../kube/informer.js";
import type { KubeObject } from "../../../../kube/objects.js";
import type { FollowedType } from "./reader.js";

/** How much is kept of one type in one cluster. */
export interface Budget {
  readonly items: number;
  /** Of what is picked, as JSON. */
  readonly bytes: number;
}

/** The objects of one type in one cluster, as far as they are picked and within the budget. */
export interface Collection {
  values(): readonly KubeObject[];
  /** Whether nothing had to be left out of the last list, and since. */
  isComplete(): boolean;
  /** What is kept of a list that begins now: what is known first, then what comes first. */
  intake: () => Intake<KubeObject>;
  /** Takes in a list that went through the intake. */
  replace(items: readonly KubeObject[]): void;
  clear(): void;
  put(object: KubeObject): void;
  remove(object: KubeObject): void;
}

interface Kept {
  readonly object: KubeObject;
  readonly bytes: number;
}

/**
 * Keeps objects within a budget. What is kept stays so until the cluster says that it is gone, and is never put out
 * by others: so whatever was here and is no longer does not exist. `onOver` hears of each object that found no room.
 */
export function collectionOf({ pick }: FollowedType, budget: Budget, onOver: () => void): Collection {
  let kept = new Map<string, Kept>();
  let bytes = 0;
  let complete = true;
  let listIsComplete = true;
  /** Whether something of this size has room, in the place of what it replaces. */
  const hasRoom = (size: number, before: Kept | undefined, items: number, used: number): boolean =>
    items + (before === undefined ? 1 : 0) <= budget.items && used - (before?.bytes ?? 0) + size <= budget.bytes;
  return {
    values: () => [...kept.values()].map(({ object }) => object),
    isComplete: () => complete,
    intake() {
      listIsComplete = true;
      let [items, used] = [kept.size, bytes];
      return (whole) => {
        const object = pick(whole);
        if (object === undefined) return undefined;
        const before = kept.get(keyOf(whole));
        const size = sizeOf(object);
        if (!hasRoom(size, before, items, used)) {
          listIsComplete = false;
          onOver();
          return before?.object;
        }
        items += before === undefined ? 1 : 0;
        used += size - (before?.bytes ?? 0);
        return object;
      };
    },
    replace(objects) {
      kept = new Map(objects.map((object) => [keyOf(object), { object, bytes: sizeOf(object) }]));
      bytes = [...kept.values()].reduce((sum, one) => sum + one.bytes, 0);
      complete = listIsComplete;
    },
    clear() {
      kept.clear();
      bytes = 0;
      complete = true;
    },
    put(whole) {
      const object = pick(whole);
      if (object === undefined) return this.remove(whole);
      const before = kept.get(keyOf(whole));
      const size = sizeOf(object);
      if (!hasRoom(size, before, kept.size, bytes)) {
        complete = false;
        return onOver();
      }
      kept.set(keyOf(whole), { object, bytes: size });
      bytes += size - (before?.bytes ?? 0);
    },
    remove(whole) {
      bytes -= kept.get(keyOf(whole))?.bytes ?? 0;
      kept.delete(keyOf(whole));
    },
  };
}

const keyOf = ({ metadata }: KubeObject): string => metadata.uid ?? `${metadata.namespace ?? ""}/${metadata.name}`;

const sizeOf = (object: KubeObject): number => JSON.stringify(object).length;
