import { setImmediate as breathe } from "node:timers/promises";

/** Does something for each of many, and lets the event loop breathe in between. */
export type EachSliced = <Item>(items: Iterable<Item>, act: (item: Item) => void) => Promise<void>;

/** Acts for at most so many at a stretch, those of earlier calls counted: many small calls are one large one. */
export function createSlices(size: number): EachSliced {
  let acts = 0;
  return async (items, act) => {
    for (const item of items) {
      act(item);
      acts += 1;
      if (acts % size === 0) await breathe();
    }
  };
}
