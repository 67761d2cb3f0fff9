import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createCached } from "../../src/changes/cached.js";
import type { Change } from "../../src/changes/change.js";
import type { ChangeFeed, ChangeListener } from "../../src/changes/feed.js";

/** A database of one number for each key, whose reads end when they are told to, and a feed that tells when it is told to. */
function world(maxEntries?: number) {
  const listeners = new Map<string, ChangeListener>();
  const feed: ChangeFeed = {
    subscribe(topic, listener) {
      listeners.set(topic, listener);
      return () => void listeners.delete(topic);
    },
    status: () => ({ connected: true, lastReadAt: new Date() }),
    async close() {},
  };
  const rows = new Map<string, number>();
  const reads: { readonly key: string; end(): void; fail(): void }[] = [];
  const state = { told: true };
  const cached = createCached<number>({
    feed,
    topics: { row: ({ key }: Change) => key, all: () => undefined },
    isTold: () => state.told,
    // A read sees the rows of the moment at which it begins.
    load: (key) =>
      new Promise((resolve, reject) => {
        const value = rows.get(key);
        reads.push({ key, end: () => resolve(value), fail: () => reject(new Error("no database")) });
      }),
    ...(maxEntries === undefined ? {} : { maxEntries }),
  });
  return {
    cached,
    rows,
    reads,
    state,
    tell: (topic: string, batch: Parameters<ChangeListener>[0]) => listeners.get(topic)?.(batch),
    changed: (key: string): Change[] => [{ topic: "row", scope: "", key }],
    listeners,
    /** Lets all reads end. */
    async finish() {
      for (const read of reads.splice(0)) read.end();
      await new Promise((resolve) => setImmediate(resolve));
    },
    /** Asks for a key, letting the reads end; answers the value and how many reads it took. */
    async ask(key: string) {
      const before = reads.length;
      const answer = cached.get(key);
      const took = reads.length - before;
      for (const read of reads.splice(0)) read.end();
      return [await answer, took] as const;
    },
  };
}

describe("a cache that the feed keeps true", () => {
  it("reads once, and again after a change of the key or of all", async () => {
    const { rows, ask, tell, changed } = world();
    rows.set("a", 1).set("b", 2);
    expect([await ask("a"), await ask("a"), await ask("b")]).toEqual([
      [1, 1],
      [1, 0],
      [2, 1],
    ]);
    tell("row", changed("a"));
    expect([await ask("a"), await ask("b")]).toEqual([
      [1, 1],
      [2, 0],
    ]);
    tell("all", changed("x"));
    expect([await ask("a"), await ask("b")]).toEqual([
      [1, 1],
      [2, 1],
    ]);
    tell("row", "resync");
    expect(await ask("b")).toEqual([2, 1]);
  });

  it("does not keep what was read before a change that was told meanwhile, nor share that read", async () => {
    const { cached, rows, reads, tell, changed, finish, ask } = world();
    rows.set("a", 1);
    const early = cached.get("a");
    rows.set("a", 2);
    tell("row", changed("a"));
    const late = cached.get("a");
    expect(reads).toHaveLength(2);
    // The early read ends last.
    reads.reverse();
    await finish();
    expect([await early, await late]).toEqual([1, 2]);
    expect(await ask("a")).toEqual([2, 0]);
  });

  it("shares a read between those who come at once, and forgets a failed one", async () => {
    const { cached, rows, reads, finish, tell, changed, ask } = world();
    rows.set("a", 1);
    const answers = [cached.get("a"), cached.get("a"), cached.get("a")];
    expect(reads).toHaveLength(1);
    await finish();
    expect(await Promise.all(answers)).toEqual([1, 1, 1]);
    tell("row", changed("a"));
    const lost = cached.get("a");
    reads.splice(0)[0]?.fail();
    await expect(lost).rejects.toThrow("no database");
    expect(await ask("a")).toEqual([1, 1]);
  });

  it("believes nothing that it kept while the feed is silent", async () => {
    const { rows, state, ask } = world();
    rows.set("a", 1);
    await ask("a");
    state.told = false;
    rows.set("a", 2);
    expect(await ask("a")).toEqual([2, 1]);
    expect(await ask("a")).toEqual([2, 1]);
    state.told = true;
    expect(await ask("a")).toEqual([2, 0]);
  });

  it("keeps nothing of what does not exist, and no more than it may", async () => {
    const { rows, ask, listeners, cached } = world(2);
    expect([await ask("none"), await ask("none")]).toEqual([
      [undefined, 1],
      [undefined, 1],
    ]);
    rows.set("a", 1).set("b", 2).set("c", 3);
    for (const key of ["a", "b", "c"]) await ask(key);
    expect([await ask("c"), await ask("b"), await ask("a")]).toEqual([
      [3, 0],
      [2, 0],
      [1, 1],
    ]);
    cached.close();
    expect(listeners.size).toBe(0);
  });

  it("never answers what is older than the last change that was told, in any order of things", async () => {
    const step = fc.oneof(
      fc.constantFrom("get", "change", "tell", "forget").map((act) => ({ act, at: 0 })),
      fc.nat(5).map((at) => ({ act: "end", at })),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { cached, rows, reads, tell, changed, finish } = world();
        let version = 1;
        let told = 1;
        const answers: Promise<void>[] = [];
        rows.set("a", version);
        for (const { act, at } of steps) {
          if (act === "change") {
            version += 1;
            rows.set("a", version);
          }
          if (act === "tell") {
            told = version;
            tell("row", changed("a"));
          }
          if (act === "forget") cached.forget("a");
          if (act === "end") {
            reads.splice(at, 1)[0]?.end();
            await new Promise((resolve) => setImmediate(resolve));
          }
          if (act !== "get") continue;
          const least = told;
          answers.push(cached.get("a").then((value) => expect(value).toBeGreaterThanOrEqual(least)));
        }
        await finish();
        await Promise.all(answers);
      }),
    );
  });
});
