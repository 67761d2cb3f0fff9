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
  /** What is kept of an object. */
  get(object: KubeObject): KubeObject | undefined;
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
    get: (whole) => kept.get(keyOf(whole))?.object,
    isComplete: () => complete,
    intake() {
      listIsComplete = true;
      let [items, used] = [kept.size, bytes];
      const listed = new Set<string>();
      return (whole) => {
        const picked = pick(whole);
        const key = keyOf(whole);
        // A list without an end may repeat itself.
        if (picked === undefined || listed.has(key)) return undefined;
        const before = kept.get(key);
        const own = copied(picked);
        if (!hasRoom(own.bytes, before, items, used)) {
          listIsComplete = false;
          onOver();
          if (before !== undefined) listed.add(key);
          return before?.object;
        }
        items += before === undefined ? 1 : 0;
        used += own.bytes - (before?.bytes ?? 0);
        listed.add(key);
        return own.object;
      };
    },
    replace(objects) {
      kept = new Map(objects.map((object) => [keyOf(object), { object, bytes: JSON.stringify(object).length }]));
      bytes = [...kept.values()].reduce((sum, one) => sum + one.bytes, 0);
      complete = listIsComplete;
    },
    clear() {
      kept.clear();
      bytes = 0;
      complete = true;
    },
    put(whole) {
      const picked = pick(whole);
      if (picked === undefined) return this.remove(whole);
      const key = keyOf(whole);
      const before = kept.get(key);
      const own = copied(picked);
      if (!hasRoom(own.bytes, before, kept.size, bytes)) {
        complete = false;
        return onOver();
      }
      kept.set(key, own);
      bytes += own.bytes - (before?.bytes ?? 0);
    },
    remove(whole) {
      bytes -= kept.get(keyOf(whole))?.bytes ?? 0;
      kept.delete(keyOf(whole));
    },
  };
}

/** By its uid, as far as that may be one: what is kept of an object is not to be made long by its key. */
export function keyOf({ metadata: { uid, namespace = "", name } }: KubeObject): string {
  const key = typeof uid === "string" ? uid : `${text(namespace)}/${text(name)}`;
  return key.length > longestKey ? Buffer.from(key.slice(0, longestKey)).toString() : key;
}

const longestKey = 1024;
const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** A copy with texts of its own: a piece of a text keeps the whole of it in memory, and so the whole answer. */
function copied(object: KubeObject): Kept {
  const json = JSON.stringify(object);
  return { object: JSON.parse(json), bytes: json.length };
}
