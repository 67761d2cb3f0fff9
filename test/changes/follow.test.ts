import { setMaxListeners } from "node:events";
import fc from "fast-check";
import pino from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { type ChangeFeed, type ChangeListener, openChangeFeed } from "../../src/changes/feed.js";
import { createFollower, type Follower } from "../../src/changes/follow.js";
import { Reader } from "../../src/changes/reader.js";
import { DomainError } from "../../src/errors.js";
import { openTestDatabase, type TestDatabase } from "../support/database.js";
import { createThings, loadThings, type Thing, touch } from "../support/things.js";

const log = pino({ level: "silent" });
const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 20_000, interval: 10 });

let database: TestDatabase;
let feed: ChangeFeed;
let follower: Follower<Thing>;
let loads: string[][];
let failing: Error | undefined;
let abort: AbortController;

const load = async (keys: readonly string[]) => {
  loads.push([...keys]);
  if (failing !== undefined) throw failing;
  return loadThings(database.server.db, keys);
};
const ofProject = (project: string) => async () =>
  (await loadThings(database.server.db)).filter((thing) => thing.project === project);

const follows = {
  topic: "thing",
  load,
  keyOf: (thing: Thing) => thing.id,
  scopeOf: (thing: Thing) => thing.project,
  versionOf: (thing: Thing) => thing.version,
  log,
};

/** A feed that tells what a test tells it. */
function toldByHand() {
  const listeners = new Set<ChangeListener>();
  const byHand: ChangeFeed = {
    subscribe(_topic, listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    status: () => ({ connected: true, lastReadAt: new Date() }),
    close: async () => {},
  };
  const tell: ChangeListener = (batch) => {
    for (const listener of listeners) listener(batch);
  };
  return { feed: byHand, tell };
}

/** Follows in the background and keeps what arrived. */
function collect(selection: { scope?: string; key?: string; initial: () => Promise<readonly Thing[]> }) {
  const got: Thing[] = [];
  const done = (async () => {
    for await (const thing of follower.follow(selection, abort.signal)) got.push(thing);
  })();
  done.catch(() => {});
  return { got, done };
}

beforeAll(async () => {
  database = await openTestDatabase();
  await createThings(database.server.db);
  feed = await openChangeFeed(database.server, { log, clock: () => new Date(), retentionMs: 3_600_000 });
});
afterAll(async () => {
  await feed.close();
  await database.close();
});
beforeEach(() => {
  loads = [];
  failing = undefined;
  abort = new AbortController();
  setMaxListeners(0, abort.signal);
  follower = createFollower<Thing>({ ...follows, feed });
});
afterEach(() => {
  abort.abort();
  follower.close();
});

describe("follower", () => {
  test("yields the present state, then changes of its scope only, and ends on abort", async () => {
    const { db } = database.server;
    await touch(db, "a1", "a");
    const mine = collect({ scope: "a", initial: ofProject("a") });
    await until(() => expect(mine.got).toEqual([{ id: "a1", project: "a", version: 1 }]));
    await touch(db, "b1", "b");
    await touch(db, "a2", "a");
    await until(() => expect(mine.got.at(-1)).toEqual({ id: "a2", project: "a", version: 1 }));
    expect(mine.got).toHaveLength(2);
    abort.abort();
    await mine.done;
    expect(follower.readers).toBe(0);
  });

  test("a key is followed within its scope", async () => {
    const { db } = database.server;
    const initial = async () => [];
    const mine = collect({ key: "k1", scope: "k", initial });
    const stranger = collect({ key: "k1", scope: "other", initial });
    const everything = collect({ initial });
    await until(() => expect(follower.readers).toBe(3));
    await touch(db, "k2", "k");
    await touch(db, "k1", "k");
    await until(() => expect(mine.got.map((thing) => thing.id)).toEqual(["k1"]));
    await until(() => expect(everything.got).toHaveLength(2));
    expect(stranger.got).toEqual([]);
  });

  test("500 readers get the newest state, from far fewer loads than changes", async () => {
    const { db } = database.server;
    const all = Array.from({ length: 500 }, () => collect({ scope: "many", initial: ofProject("many") }));
    await until(() => expect(follower.readers).toBe(500));
    for (let round = 0; round < 100; round += 1) await touch(db, "m1", "many");
    await until(() => {
      for (const { got } of all) expect(got.at(-1)?.version).toBe(100);
    });
    for (const { got } of all) {
      const versions = got.map((thing) => thing.version);
      expect(versions).toEqual([...new Set(versions)].sort((left, right) => left - right));
    }
    expect(loads.length).toBeLessThanOrEqual(100);
  });

  test("a reader that does not read keeps one state per key", async () => {
    const { db } = database.server;
    const items = follower.follow({ scope: "slow", initial: ofProject("slow") }, abort.signal);
    await touch(db, "s0", "slow");
    await items.next();
    const witness = collect({ scope: "slow", initial: ofProject("slow") });
    for (let round = 0; round < 20; round += 1) await touch(db, "s1", "slow");
    await until(() => expect(witness.got.at(-1)).toMatchObject({ id: "s1", version: 20 }));
    expect((await items.next()).value).toEqual({ id: "s1", project: "slow", version: 20 });
  });

  test("a load that fails once is repeated; one that keeps failing ends the streams as unavailable", async () => {
    const { db } = database.server;
    const mine = collect({ scope: "f", initial: ofProject("f") });
    await until(() => expect(follower.readers).toBe(1));
    failing = new Error("database away");
    await touch(db, "f1", "f");
    await until(() => expect(loads.length).toBeGreaterThan(0));
    failing = undefined;
    await until(() => expect(mine.got.at(-1)?.id).toBe("f1"));
    failing = new Error("database away");
    await touch(db, "f2", "f");
    await expect(mine.done).rejects.toMatchObject({ kind: "unavailable" });
    expect(follower.readers).toBe(0);
  });

  test("closing ends the streams as unavailable", async () => {
    const mine = collect({ initial: async () => [] });
    await until(() => expect(follower.readers).toBe(1));
    follower.close();
    await expect(mine.done).rejects.toMatchObject({ kind: "unavailable" });
  });

  test("a resync makes readers read again", async () => {
    const { feed: silent, tell } = toldByHand();
    const own = createFollower<Thing>({ ...follows, feed: silent });
    let version = 1;
    const initial = async () => [{ id: "r", project: "r", version }];
    const items = own.follow({ scope: "r", initial }, abort.signal);
    expect((await items.next()).value?.version).toBe(1);
    version = 2;
    tell("resync");
    expect((await items.next()).value?.version).toBe(2);
    own.close();
  });
});

describe("readers of the same selection", () => {
  test("share their reads: hundreds who come at once, and a resync of all of them", async () => {
    const reads: string[] = [];
    let version = 1;
    const initial = async () => {
      reads.push(`version ${version}`);
      return [{ id: "x", project: "x", version }];
    };
    const check = async () => void reads.push("check");
    const { feed: own, tell } = toldByHand();
    const mine = createFollower<Thing>({ ...follows, feed: own });
    const iterators = Array.from({ length: 300 }, () => mine.follow({ scope: "x", initial, check }, abort.signal));
    await Promise.all(iterators.map((items) => items.next()));
    expect(reads).toEqual(["check", "version 1"]);
    version = 2;
    const next = Promise.all(iterators.map((items) => items.next()));
    tell("resync");
    expect(new Set((await next).map(({ value }) => value?.version))).toEqual(new Set([2]));
    // Those of a later slice may come too late for the first read.
    expect(new Set(reads)).toEqual(new Set(["check", "version 1", "version 2"]));
    expect(reads.length).toBeLessThanOrEqual(4);
    mine.close();
  });

  test("who comes while a read runs gets one that began later", async () => {
    const answers: ((things: Thing[]) => void)[] = [];
    const initial = () => new Promise<Thing[]>((resolve) => answers.push(resolve));
    const { feed: own } = toldByHand();
    const mine = createFollower<Thing>({ ...follows, feed: own });
    const follow = () => mine.follow({ scope: "x", initial }, abort.signal).next();
    const early = follow();
    await until(() => expect(answers).toHaveLength(1));
    const late = [follow(), follow()];
    answers[0]?.([{ id: "x", project: "x", version: 1 }]);
    expect((await early).value?.version).toBe(1);
    await until(() => expect(answers).toHaveLength(2));
    answers[1]?.([{ id: "x", project: "x", version: 2 }]);
    expect((await Promise.all(late)).map(({ value }) => value?.version)).toEqual([2, 2]);
    expect(answers).toHaveLength(2);
    mine.close();
  });

  test("all hear that there is nothing to follow, and are gone; who comes later is looked up anew", async () => {
    let exists = false;
    const check = async () => {
      if (!exists) throw new DomainError("missing", "no such thing");
    };
    const initial = async () => [{ id: "x", project: "x", version: 1 }];
    const { feed: own } = toldByHand();
    const mine = createFollower<Thing>({ ...follows, feed: own });
    const follow = () => mine.follow({ scope: "x", initial, check }, abort.signal).next();
    const results = await Promise.allSettled([follow(), follow(), follow()]);
    for (const result of results) expect(result).toMatchObject({ status: "rejected", reason: { kind: "missing" } });
    expect(mine.readers).toBe(0);
    exists = true;
    expect((await follow()).value?.version).toBe(1);
    mine.close();
  });
});

describe("a view", () => {
  test("leaves out what it does not show, and ends with what it calls the last", async () => {
    const { feed: own, tell } = toldByHand();
    const state = new Map<string, Thing>();
    const mine = createFollower<Thing>({
      ...follows,
      feed: own,
      load: async (keys) => keys.flatMap((key) => state.get(key) ?? []),
    });
    const view = {
      show: ({ id, version }: Thing) => (version % 2 === 0 ? undefined : `${id}${version}`),
      isLast: ({ version }: Thing) => version >= 5,
    };
    const initial = async () => [];
    const got: string[] = [];
    const done = (async () => {
      for await (const shown of mine.show({ scope: "x", initial }, view, abort.signal)) got.push(shown);
    })();
    await until(() => expect(mine.readers).toBe(1));
    for (const version of [1, 2, 3, 4, 5]) {
      state.set("a", { id: "a", project: "x", version });
      tell([{ topic: "thing", scope: "x", key: "a" }]);
      await new Promise(setImmediate);
    }
    await done;
    expect(got).toEqual(["a1", "a3", "a5"]);
    expect(mine.readers).toBe(0);
    mine.close();
  });

  test("that fails ends only its own stream", async () => {
    const { feed: own } = toldByHand();
    const mine = createFollower<Thing>({ ...follows, feed: own });
    const initial = async () => [{ id: "a", project: "x", version: 1 }];
    const show = () => {
      throw new Error("no picture");
    };
    const other = mine.follow({ scope: "x", initial }, abort.signal);
    await expect(mine.show({ scope: "x", initial }, { show }, abort.signal).next()).rejects.toThrow("no picture");
    expect((await other.next()).value?.version).toBe(1);
    expect(mine.readers).toBe(1);
    mine.close();
  });
});

describe("reader", () => {
  test("for any offers, reads and takes: versions rise per key, and the last state of each arrives", async () => {
    const action = fc.oneof(
      fc.record({ what: fc.constant("change" as const), key: fc.nat(9) }),
      fc.record({ what: fc.constant("take" as const), key: fc.constant(0) }),
      fc.record({ what: fc.constant("refresh" as const), key: fc.constant(0) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 60 }), async (actions) => {
        const state = new Map<number, number>();
        const items = new Reader<{ key: number; version: number }>(
          {
            keyOf: (item) => String(item.key),
            versionOf: (item) => item.version,
            maxPending: 3,
            onBegin: () => {},
            // Between the read and its arrival there may be changes.
            onStale(stale) {
              const read = [...state].map(([key, version]) => ({ key, version }));
              queueMicrotask(() => stale.refill(read));
            },
            onEnd: () => {},
          },
          { initial: async () => [] },
          { show: (item) => item },
        );
        const reader = items;
        const got = new Map<number, number>();
        const take = async () => {
          const { value } = await items.next();
          if (value === undefined) return;
          expect(value.version).toBeGreaterThan(got.get(value.key) ?? 0);
          got.set(value.key, value.version);
        };
        const behind = () => [...state].some(([key, version]) => got.get(key) !== version);
        for (const { what, key } of actions) {
          if (what === "refresh") reader.refresh();
          else if (what === "take") {
            if (behind()) await take();
          } else {
            state.set(key, (state.get(key) ?? 0) + 1);
            reader.offer({ key, version: state.get(key)! });
          }
        }
        while (behind()) await take();
        reader.end();
        expect((await items.next()).done).toBe(true);
      }),
    );
  });
});
