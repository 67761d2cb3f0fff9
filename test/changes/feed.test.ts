import { sql } from "drizzle-orm";
import fc from "fast-check";
import pino from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { Change } from "../../src/changes/change.js";
import { type ChangeFeed, openChangeFeed } from "../../src/changes/feed.js";
import { pruneChanges, readChanges, takeSnapshot, wentBack } from "../../src/changes/read.js";
import { needsPostgres, openAgain, openTestDatabase, postgresUrl, type TestDatabase } from "../support/database.js";
import { createThings, touch } from "../support/things.js";

const log = pino({ level: "silent" });
const clock = () => new Date();
const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 10_000, interval: 10 });

let database: TestDatabase;
let feed: ChangeFeed;
let seen: (Change | "resync")[];

const open = (options: { pollMs?: number; retentionMs?: number; maxBatch?: number; clock?: () => Date } = {}) =>
  openChangeFeed(database.server, { log, clock, retentionMs: 3_600_000, ...options });
const record = (target: ChangeFeed) =>
  target.subscribe("thing", (batch) => seen.push(...(batch === "resync" ? ["resync" as const] : batch)));
const keys = () => seen.map((change) => (change === "resync" ? change : change.key));

beforeAll(async () => {
  database = await openTestDatabase();
  await createThings(database.server.db);
});
afterAll(() => database.close());
beforeEach(async () => {
  seen = [];
  // So slow a poll that what arrives was notified.
  feed = await open({ pollMs: 60_000 });
  record(feed);
});
afterEach(() => feed.close());

describe("change feed", () => {
  test("insert, update and delete arrive with topic, scope and key", async () => {
    const { db } = database.server;
    await touch(db, "a", "p7");
    await until(() => expect(seen).toEqual([{ topic: "thing", scope: "p7", key: "a" }]));
    await touch(db, "a", "p7");
    await until(() => expect(seen).toHaveLength(2));
    await db.execute(sql`delete from things where id = 'a'`);
    await until(() => expect(seen).toHaveLength(3));
    expect(feed.status().connected).toBe(true);
  });

  test("what is rolled back is not told; a transaction is told once, after its commit", async () => {
    const { db } = database.server;
    await db
      .transaction(async (tx) => {
        await touch(tx, "rolled-back");
        tx.rollback();
      })
      .catch(() => {});
    await db.transaction(async (tx) => {
      await touch(tx, "b1");
      await touch(tx, "b1");
      await touch(tx, "b2");
    });
    await until(() => expect(keys().sort()).toEqual(["b1", "b2"]));
  });

  test("a listener that throws does not stop the others, and one that left hears nothing", async () => {
    const stop = feed.subscribe("thing", () => {
      throw new Error("broken listener");
    });
    const gone: unknown[] = [];
    feed.subscribe("thing", (batch) => gone.push(batch))();
    const late: unknown[] = [];
    feed.subscribe("thing", (batch) => late.push(batch));
    await touch(database.server.db, "c");
    await until(() => expect(late).toHaveLength(1));
    stop();
    expect(gone).toEqual([]);
  });

  test("too many changes of a topic become a resync of that topic only", async () => {
    const other: unknown[] = [];
    const small = await open({ pollMs: 60_000, maxBatch: 3 });
    const mine: unknown[] = [];
    small.subscribe("thing", (batch) => mine.push(batch));
    small.subscribe("other", (batch) => other.push(batch));
    await database.server.db.transaction(async (tx) => {
      for (const id of ["d1", "d2", "d3", "d4"]) await touch(tx, id);
      await tx.execute(sql`insert into changes (topic, scope, key) values ('other', 's', 'k')`);
    });
    await until(() => expect(mine).toEqual(["resync"]));
    expect(other).toEqual([[{ topic: "other", scope: "s", key: "k" }]]);
    await small.close();
  });

  test("a gap longer than the retention allows is a resync", async () => {
    let now = new Date("2026-01-01T00:00:00Z");
    const slow = await open({ pollMs: 60_000, retentionMs: 10_000, clock: () => now });
    const mine: unknown[] = [];
    slow.subscribe("thing", (batch) => mine.push(batch));
    now = new Date("2026-01-01T00:00:06Z");
    await touch(database.server.db, "e");
    // The read at the start may still run, and see the change before the next one sees the gap.
    await until(() => expect(mine.at(-1)).toBe("resync"));
    await slow.close();
  });

  test("old changes are pruned", async () => {
    const { db } = database.server;
    await touch(db, "f");
    await pruneChanges(db, new Date(Date.now() + 60_000));
    const { rows } = await db.execute(sql`select count(*)::int as n from changes`);
    expect(rows[0]?.n).toBe(0);
  });

  test("a database that was set back is noticed", () => {
    expect(wentBack("10:20:", "15:19:")).toBe(true);
    expect(wentBack("10:20:12,14", "20:20:")).toBe(false);
  });
});

describe.skipIf(postgresUrl === undefined)(`change feed over several connections (${needsPostgres})`, () => {
  test("transactions that commit in another order than they began are all told", async () => {
    const { pool } = database.server;
    const first = await pool.connect();
    const second = await pool.connect();
    await first.query("begin");
    await first.query("insert into things values ('g-first', 'p1', 1)");
    await second.query("begin");
    await second.query("insert into things values ('g-second', 'p1', 1)");
    await second.query("commit");
    await until(() => expect(keys()).toEqual(["g-second"]));
    await first.query("commit");
    await until(() => expect(keys()).toEqual(["g-second", "g-first"]));
    first.release();
    second.release();
  });

  test("a listening connection that is killed amid writes loses nothing", async () => {
    const { db } = database.server;
    const wanted = Array.from({ length: 40 }, (_, index) => `h${index}`);
    for (const [index, id] of wanted.entries()) {
      await touch(db, id);
      if (index % 10 === 5) {
        await db.execute(sql`
          select pg_terminate_backend(pid) from pg_stat_activity
          where application_name = 'slipway test changes' and datname = current_database()`);
      }
    }
    await until(() => expect(keys()).toEqual(expect.arrayContaining(wanted)));
    await until(() => expect(feed.status().connected).toBe(true));
  });

  test("another process hears of it too", async () => {
    const other = openAgain(database.url!);
    await touch(other.db, "i");
    await other.close();
    await until(() => expect(keys()).toEqual(["i"]));
  });

  test("for any interleaving of transactions, every committed change is read exactly once", async () => {
    const step = fc.record({ session: fc.nat(2), what: fc.constantFrom("write", "commit", "rollback", "read") });
    const reader = await database.server.connect({ name: "reader" });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        run += 1;
        const sessions = await Promise.all([0, 1, 2].map(() => database.server.pool.connect()));
        const open: (string[] | undefined)[] = [undefined, undefined, undefined];
        const committed: string[] = [];
        const read: string[] = [];
        let snapshot = await takeSnapshot(reader);
        const readOn = async () => {
          const news = await readChanges(reader, snapshot, 1_000);
          snapshot = news.snapshot;
          read.push(...(news.changes.get("thing") ?? []).map((change) => change.key));
        };
        const finish = async (session: number, what: "commit" | "rollback") => {
          if (open[session] === undefined) return;
          await sessions[session]!.query(what);
          if (what === "commit") committed.push(...open[session]);
          open[session] = undefined;
        };
        for (const [index, { session, what }] of steps.entries()) {
          if (what === "read") await readOn();
          else if (what !== "write") await finish(session, what);
          else {
            if (open[session] === undefined) await sessions[session]!.query("begin");
            const id = `j${run}-${index}`;
            open[session] = [...(open[session] ?? []), id];
            await sessions[session]!.query("insert into things values ($1, 'p1', 1)", [id]);
          }
        }
        for (const session of [0, 1, 2]) await finish(session, "commit");
        await readOn();
        for (const session of sessions) session.release();
        expect(read.sort()).toEqual(committed.sort());
      }),
      { numRuns: 60 },
    );
    await reader.end();
  });
});
