import { pino } from "pino";
import { v7 as uuidv7 } from "uuid";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { AuditRow } from "../../../../src/resources/api/audit/store.js";
import { auditEntries } from "../../../../src/resources/api/audit/table.js";
import { createAuditWriter } from "../../../../src/resources/api/audit/writer.js";
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

/** Lets a writer write all of it at once; answers the ids that are in the table, and how many the log gives up. */
async function written(entries: readonly AuditRow[]) {
  const lines: { msg: string; entries?: number }[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const writer = createAuditWriter(database.server.db, log);
  for (const each of entries) writer.write(each);
  await writer.close();
  const rows = await database.server.db.select({ id: auditEntries.id }).from(auditEntries);
  const lost = lines.filter(({ msg }) => msg === "audit entries lost");
  return { ids: rows.map(({ id }) => id).sort(), lost: lost.map(({ entries }) => entries) };
}

const idsOf = (entries: readonly AuditRow[]) => entries.map(({ id }) => id).sort();

it.each<[string, (good: AuditRow) => AuditRow]>([
  ["with an id that is no uuid", (good) => ({ ...good, id: "no uuid" })],
  ["without a method", (good) => ({ ...good, method: null as unknown as string })],
  ["with a tenant too long for the index", (good) => ({ ...good, tenant: noise(100_000) })],
])("an entry %s costs only itself", async (_, spoil) => {
  for (const at of [0, 7, 19]) {
    const good = Array.from({ length: 19 }, entry);
    const all = good.toSpliced(at, 0, spoil(entry()));
    expect(await written(all)).toEqual({ ids: idsOf(good), lost: [1] });
    await database.server.db.delete(auditEntries);
  }
});

it("two bad entries in a batch of hundreds cost only themselves", async () => {
  const good = Array.from({ length: 700 }, entry);
  const all = good.toSpliced(3, 0, { ...entry(), id: "" }).toSpliced(600, 0, { ...entry(), id: "x" });
  expect(await written(all)).toEqual({ ids: idsOf(good), lost: [1, 1] });
});

it("an entry that is there already is no mistake", async () => {
  const good = Array.from({ length: 5 }, entry);
  const again = good[2] as AuditRow;
  expect(await written([...good, again])).toEqual({ ids: idsOf(good), lost: [] });
  expect(await written([again, ...good])).toEqual({ ids: idsOf(good), lost: [] });
});

/** Text that does not compress. */
function noise(length: number): string {
  let text = "";
  while (text.length < length) text += Math.random().toString(36).slice(2);
  return text.slice(0, length);
}
