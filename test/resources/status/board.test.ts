import { setMaxListeners } from "node:events";
import fc from "fast-check";
import pino from "pino";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { ChangeListener } from "../../../src/changes/feed.js";
import { type Board, createBoard } from "../../../src/resources/status/board.js";

const log = pino({ level: "silent" });

/** What is shown, and the state of the feed, as the test wants them. */
interface World {
  value: string;
  now: number;
  lastReadAt: number;
  loads: number;
  failing: boolean;
}

let world: World;
let listeners: Set<ChangeListener>;
let board: Board<{ readonly text: string }>;
let readers: AbortController;

const change = (value: string): void => {
  world.value = value;
  for (const listener of listeners) listener([{ topic: "word", scope: "", key: "k" }]);
};

beforeEach(() => {
  world = { value: "a", now: 0, lastReadAt: 0, loads: 0, failing: false };
  listeners = new Set();
  readers = new AbortController();
  setMaxListeners(0, readers.signal);
  board = openBoard();
  return () => readers.abort();
});

/** A board of the world as it is. */
function openBoard(patienceMs?: number): typeof board {
  return createBoard({
    ...(patienceMs === undefined ? {} : { patienceMs }),
    feed: {
      subscribe(_topic, listener) {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
      status: () => ({ connected: true, lastReadAt: new Date(world.lastReadAt) }),
      close: async () => {},
    },
    clock: () => new Date(world.now),
    log,
    topic: "word",
    async load() {
      world.loads += 1;
      if (world.failing) throw new Error("away");
      return world.value;
    },
    view: ({ loaded, now, broken }) => ({
      value: { text: `${loaded}${now.getTime() >= 60_000 ? " (old)" : ""}${broken ? " (broken)" : ""}` },
      until: now.getTime() < 60_000 ? new Date(60_000) : undefined,
    }),
    same: (one, other) => one.text === other.text,
  });
}

/** Follows, and keeps what arrived; a slow one stops at each item until it is released. */
function follow(slow = false, followed = board) {
  const got: { readonly text: string }[] = [];
  let release = (): void => {};
  const ended = (async () => {
    for await (const item of followed.follow(readers.signal)) {
      got.push(item);
      if (slow) await new Promise<void>((resolve) => (release = resolve));
    }
  })();
  return { got, ended, release: () => release(), texts: () => got.map(({ text }) => text) };
}

describe("a board", () => {
  it("is read once after each change, however many readers there are", async () => {
    const all = Array.from({ length: 1_000 }, () => follow());
    await vi.waitFor(() => expect(all.every(({ got }) => got.length === 1)).toBe(true));
    change("b");
    await vi.waitFor(() => expect(all.every(({ got }) => got.length === 2)).toBe(true));
    for (let i = 0; i < 200; i++) expect((await board.present()).text).toBe("b");
    expect(world.loads).toBe(2);
    // The same object for all, so that it is encoded once.
    expect(new Set(all.map(({ got }) => got[1])).size).toBe(1);
    expect(await board.present()).toBe(all[0]?.got[1]);
  });

  it("tells only what is new", async () => {
    const reader = follow();
    await vi.waitFor(() => expect(reader.texts()).toEqual(["a"]));
    change("a");
    await vi.waitFor(() => expect(world.loads).toBe(2));
    change("b");
    await vi.waitFor(() => expect(reader.texts()).toEqual(["a", "b"]));
  });

  it("gives a slow reader the newest state, and lets nobody wait for it", async () => {
    const slow = follow(true);
    const quick = follow();
    for (const [index, word] of ["b", "c", "d"].entries()) {
      await vi.waitFor(() => expect(quick.got).toHaveLength(index + 1));
      change(word);
    }
    await vi.waitFor(() => expect(quick.texts().at(-1)).toBe("d"));
    expect(slow.texts()).toEqual(["a"]);
    slow.release();
    await vi.waitFor(() => expect(slow.texts()).toEqual(["a", "d"]));
    slow.release();
  });

  it("tells readers what time alone changes, and that the feed is lost and back", async () => {
    const reader = follow();
    await vi.waitFor(() => expect(reader.texts()).toEqual(["a"]));
    world.now = world.lastReadAt = 60_000;
    await vi.waitFor(() => expect(reader.texts().at(-1)).toBe("a (old)"), 5_000);
    world.now += 5_001;
    expect((await board.present()).text).toBe("a (old) (broken)");
    await vi.waitFor(() => expect(reader.texts().at(-1)).toBe("a (old) (broken)"), 5_000);
    world.lastReadAt = world.now;
    await vi.waitFor(() => expect(reader.texts()).toEqual(["a", "a (old)", "a (old) (broken)", "a (old)"]), 5_000);
    expect(world.loads).toBe(1);
  });

  it("is unavailable until it was read for the first time, and shows no emptiness instead", async () => {
    world.failing = true;
    const impatient = openBoard(10);
    const stream = impatient.follow(readers.signal);
    await expect(impatient.present()).rejects.toMatchObject({ kind: "unavailable", retryAfterMs: 1_000 });
    await expect(stream.next()).rejects.toMatchObject({ kind: "unavailable" });
    // Nor does a change of time or of the feed make something of it.
    world.now += 60_000;
    await expect(impatient.present()).rejects.toMatchObject({ kind: "unavailable" });
    world.now = 0;
    const patient = openBoard(20_000);
    const waiting = [follow(false, patient), follow(false, patient)];
    const asked = patient.present();
    world.failing = false;
    expect((await asked).text).toBe("a");
    await vi.waitFor(() => expect(waiting.map(({ texts }) => texts())).toEqual([["a"], ["a"]]), 5_000);
    await vi.waitFor(async () => expect((await impatient.present()).text).toBe("a"), 5_000);
  });

  it("reads again what it could not read", async () => {
    await board.present();
    world.failing = true;
    change("b");
    await vi.waitFor(() => expect(world.loads).toBe(6), 10_000);
    expect((await board.present()).text).toBe("a");
    world.failing = false;
    await vi.waitFor(async () => expect((await board.present()).text).toBe("b"), 10_000);
  });

  it("ends the streams whose readers go, and those alone", async () => {
    const gone = new AbortController();
    const stream = board.follow(gone.signal);
    expect((await stream.next()).value?.text).toBe("a");
    const waiting = stream.next();
    const other = follow();
    gone.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });
    change("b");
    await vi.waitFor(() => expect(other.texts().at(-1)).toBe("b"));
    readers.abort();
    await other.ended;
  });

  it("leaves every reader with the last state, whatever changes when", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom("x", "y", "z"), { minLength: 1, maxLength: 8 }), async (words) => {
        const both = [follow(), follow(true)];
        for (const word of words) {
          change(word);
          both[1]?.release();
          await Promise.resolve();
        }
        await vi.waitFor(() => {
          both[1]?.release();
          for (const reader of both) expect(reader.texts().at(-1)).toBe(words.at(-1));
        });
        for (const { got, release } of both) {
          // A state may come back, but no message is told twice.
          expect(got.every((item, index) => item !== got[index - 1])).toBe(true);
          release();
        }
      }),
      { numRuns: 20 },
    );
  });
});
