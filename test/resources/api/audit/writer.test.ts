import { drizzle } from "drizzle-orm/node-postgres";
import type pg from "pg";
import { v7 as uuidv7 } from "uuid";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { AuditRow } from "../../../../src/resources/api/audit/store.js";
import { auditEntries } from "../../../../src/resources/api/audit/table.js";
import { type AuditWriter, createAuditWriter } from "../../../../src/resources/api/audit/writer.js";
import { openTestDatabase, type TestDatabase } from "../../../support/database.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(() => database.server.db.delete(auditEntries));

const entry = (): AuditRow => ({
  id: uuidv7(),
  at: new Date(),
  requestId: "a",
  phase: "response",
  method: "/api.v1.ClusterService/Create",
  user: null,
  tenant: null,
  project: null,
  sourceIp: "127.0.0.1",
  userAgent: "",
  body: null,
  code: 0,
});

async function idsInTable(): Promise<string[]> {
  const rows = await database.server.db.select({ id: auditEntries.id }).from(auditEntries);
  return rows.map(({ id }) => id).sort();
}

/** Lets a writer write all of it at once; answers the ids that are in the table, and those that it says are lost. */
async function written(entries: readonly AuditRow[]) {
  const exported: string[] = [];
  const writer = createAuditWriter(database.server.db, (rows) => exported.push(...idsOf(rows)));
  const results = await Promise.allSettled(entries.map((each) => writer.write(each)));
  await writer.close();
  const lost = entries.filter((_, at) => results[at]?.status === "rejected").map(({ id }) => id);
  return { ids: await idsInTable(), lost, exported: exported.sort() };
}

const idsOf = (entries: readonly AuditRow[]) => entries.map(({ id }) => id).sort();

it.each<[string, (good: AuditRow) => AuditRow]>([
  ["with an id that is no uuid", (good) => ({ ...good, id: "no uuid" })],
  ["without a method", (good) => ({ ...good, method: null as unknown as string })],
  ["with a tenant too long for the index", (good) => ({ ...good, tenant: noise(100_000) })],
])("an entry %s costs only itself", async (_, spoil) => {
  for (const at of [0, 7, 19]) {
    const good = Array.from({ length: 19 }, entry);
    const bad = spoil(entry());
    const ids = idsOf(good);
    expect(await written(good.toSpliced(at, 0, bad))).toEqual({ ids, lost: [bad.id], exported: ids });
    await database.server.db.delete(auditEntries);
  }
});

it("two bad entries in a batch of hundreds cost only themselves", async () => {
  const good = Array.from({ length: 700 }, entry);
  const all = good.toSpliced(3, 0, { ...entry(), id: "" }).toSpliced(600, 0, { ...entry(), id: "x" });
  expect(await written(all)).toMatchObject({ ids: idsOf(good), lost: ["", "x"] });
});

it("an entry that is there already is no mistake", async () => {
  const good = Array.from({ length: 5 }, entry);
  const again = good[2] as AuditRow;
  expect(await written([...good, again])).toMatchObject({ ids: idsOf(good), lost: [] });
  expect(await written([again, ...good])).toMatchObject({ ids: idsOf(good), lost: [] });
});

/** A database that notes how many statements run, and fails as if it were away for as long as it is told. */
function watched() {
  const seen = { statements: 0, atOnce: 0, isAway: false };
  let running = 0;
  const query = async (asked: pg.QueryConfig) => {
    seen.statements += 1;
    if (seen.isAway) {
      throw Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
    }
    running += 1;
    seen.atOnce = Math.max(seen.atOnce, running);
    try {
      return await database.server.pool.query(asked);
    } finally {
      running -= 1;
    }
  };
  return { db: drizzle({ client: { query } as unknown as pg.Pool }), seen };
}

describe("entries that come at once", () => {
  it("are written by one insert", async () => {
    const { db, seen } = watched();
    const writer = createAuditWriter(db);
    const all = Array.from({ length: 200 }, entry);
    await Promise.all(all.map((each) => writer.write(each, { ahead: true })));
    expect(await idsInTable()).toEqual(idsOf(all));
    expect(seen.statements).toBe(1);
  });

  it("go behind those that calls wait for", async () => {
    const writer = createAuditWriter(database.server.db);
    let behind = 0;
    const others = Array.from({ length: 2_000 }, () => writer.write(entry()).then(() => (behind += 1)));
    await writer.write(entry(), { ahead: true });
    // Not more than the batch that was under way.
    expect(behind).toBeLessThanOrEqual(500);
    await Promise.all(others);
  });

  it("or while an insert runs go together with the next one, and there is one at a time", async () => {
    const { db, seen } = watched();
    const writer = createAuditWriter(db);
    const began = performance.now();
    const all = Array.from({ length: 40 }, entry);
    const writes: Promise<void>[] = [];
    for (const each of all) {
      writes.push(writer.write(each));
      await new Promise(setImmediate);
    }
    await Promise.all(writes);
    const windows = Math.ceil((performance.now() - began) / 5) + 1;
    expect(await idsInTable()).toEqual(idsOf(all));
    expect(seen.atOnce).toBe(1);
    expect(seen.statements).toBeLessThanOrEqual(windows);
  });
});

describe("while the database is away", () => {
  it("a call that waits is told at once; what waits for nobody is written when it is back", async () => {
    const { db, seen } = watched();
    const writer = createAuditWriter(db);
    seen.isAway = true;
    const response = entry();
    const kept = writer.write(response);
    for (let times = 0; times < 3; times += 1) {
      await expect(writer.write(entry(), { ahead: true })).rejects.toMatchObject({ kind: "unavailable" });
    }
    seen.isAway = false;
    const next = entry();
    await writer.write(next, { ahead: true });
    await kept;
    expect(await idsInTable()).toEqual(idsOf([response, next]));
  });

  it("no more is kept than fits, and what is kept is given up at the end", async () => {
    const { db, seen } = watched();
    const writer = createAuditWriter(db);
    seen.isAway = true;
    const results = Promise.allSettled(flood(writer));
    await expect(writer.write(entry())).rejects.toThrow(/too many audit entries/);
    await writer.close();
    expect(new Set((await results).map(({ status }) => status))).toEqual(new Set(["rejected"]));
    expect(await idsInTable()).toEqual([]);
  });

  it("what is kept leaves room for calls that wait", async () => {
    const { db, seen } = watched();
    const writer = createAuditWriter(db);
    seen.isAway = true;
    const results = Promise.allSettled(flood(writer));
    await expect.poll(() => seen.statements).toBeGreaterThan(0);
    seen.isAway = false;
    const next = entry();
    await writer.write(next, { ahead: true });
    expect(await idsInTable()).toContain(next.id);
    await writer.close();
    expect((await results).filter(({ status }) => status === "fulfilled").length).toBeGreaterThan(20);
  });

  /** More than fits. */
  const flood = (writer: AuditWriter) => {
    const body = JSON.stringify("x".repeat(1_000_000));
    return Array.from({ length: 60 }, () => writer.write({ ...entry(), body }));
  };
});

/** Text that does not compress. */
function noise(length: number): string {
  let text = "";
  while (text.length < length) text += Math.random().toString(36).slice(2);
  return text.slice(0, length);
}
