import { sql } from "drizzle-orm";
import { v7 as uuidv7 } from "uuid";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { maintainPartitions } from "../../../../src/resources/api/audit/partitions.js";
import { auditStore } from "../../../../src/resources/api/audit/store.js";
import { auditEntries } from "../../../../src/resources/api/audit/table.js";
import {
  needsPostgres,
  openAgain,
  openTestDatabase,
  postgresUrl,
  type TestDatabase,
} from "../../../support/database.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
// A database without partitions, as one whose workers were away for long.
beforeEach(async () => {
  for (const name of await partitions()) await db().execute(sql`drop table ${sql.identifier(`audit_entries_${name}`)}`);
  await db().delete(auditEntries);
});

const db = () => database.server.db;
const now = new Date("2025-03-01T12:00:00Z");
const maintain = (at: Date = now, retentionDays = 30) => maintainPartitions(db(), { now: at, retentionDays });

/** The partitions of days, like "p20250301". */
async function partitions(): Promise<string[]> {
  const { rows } = await db().execute<{ name: string }>(sql`
    select replace(relname, 'audit_entries_', '') as name from pg_inherits join pg_class on pg_class.oid = inhrelid
    where inhparent = 'audit_entries'::regclass and relname <> 'audit_entries_default' order by 1`);
  return rows.map(({ name }) => name);
}

/** Writes an entry of a moment for each that is given. */
async function write(...moments: string[]): Promise<void> {
  const entries = moments.map((at) => ({
    ...{ id: uuidv7(), at: new Date(at), requestId: "a", phase: "response" as const, method: "/a.B/C", code: 0 },
    ...{ user: null, tenant: "t", project: null, sourceIp: "", userAgent: "", body: null },
  }));
  await auditStore.insert(db(), entries);
}

/** In which partition each moment is. */
async function places(): Promise<string[]> {
  const { rows } = await db().execute<{ place: string }>(sql`
    select replace(tableoid::regclass::text, 'audit_entries_', '') || ' ' ||
           to_char(at at time zone 'UTC', 'MM-DD HH24:MI:SS.MS') as place
    from audit_entries order by at`);
  return rows.map(({ place }) => place);
}

const ahead = ["p20250301", "p20250302", "p20250303", "p20250304"];

describe("the partitions of the audit log", () => {
  it("are made for today and three days, once", async () => {
    await maintain();
    expect(await partitions()).toEqual(ahead);
    await maintain();
    expect(await partitions()).toEqual(ahead);
    await maintain(new Date("2025-03-02T00:00:00Z"));
    expect(await partitions()).toEqual([...ahead, "p20250305"]);
  });

  it("take entries from their first moment to their last", async () => {
    await maintain();
    await write("2025-02-28T23:59:59.999Z", "2025-03-01T00:00:00Z", "2025-03-04T23:59:59.999Z", "2025-03-05T00:00:00Z");
    expect(await places()).toEqual([
      "default 02-28 23:59:59.999",
      "p20250301 03-01 00:00:00.000",
      "p20250304 03-04 23:59:59.999",
      "default 03-05 00:00:00.000",
    ]);
  });

  it("get the entries of days that had none when they were written", async () => {
    await write("2025-02-10T08:00:00Z", "2025-02-27T08:00:00Z", "2025-03-01T08:00:00Z", "2025-03-02T00:00:00Z");
    expect(new Set((await places()).map((place) => place.split(" ")[0]))).toEqual(new Set(["default"]));
    await maintain();
    expect(await places()).toEqual([
      "p20250210 02-10 08:00:00.000",
      "p20250227 02-27 08:00:00.000",
      "p20250301 03-01 08:00:00.000",
      "p20250302 03-02 00:00:00.000",
    ]);
  });

  it("go with the last entry that must be kept", async () => {
    await write("2025-01-29T23:00:00Z", "2025-01-30T11:00:00Z", "2025-01-30T13:00:00Z", "2025-02-28T00:00:00Z");
    await maintain();
    // 30 days before noon of March 1 was noon of January 30.
    expect(await places()).toEqual(["p20250130 01-30 13:00:00.000", "p20250228 02-28 00:00:00.000"]);
    await maintain(new Date("2025-03-01T23:59:59Z"));
    expect(await partitions()).toEqual(["p20250130", "p20250228", ...ahead]);
    await maintain(new Date("2025-03-02T00:00:00Z"));
    expect(await partitions()).toEqual(["p20250228", ...ahead, "p20250305"]);
    await maintain(new Date("2025-04-01T00:00:00Z"), 1);
    expect(await places()).toEqual([]);
  });

  it("stay when the clock of whoever maintains them runs ahead", async () => {
    const day = 86_400_000;
    await write(new Date(Date.now() - 40 * day).toISOString());
    await maintain(new Date(), 90);
    expect(await places()).toHaveLength(1);
    await maintain(new Date(Date.now() + 365 * day), 90);
    expect(await places()).toHaveLength(1);
    await maintain(new Date(), 39);
    expect(await places()).toEqual([]);
  });
});

describe.skipIf(postgresUrl === undefined)(`beside other sessions (${needsPostgres})`, () => {
  it("several processes may maintain them at once, while entries are written", async () => {
    const replicas = Array.from({ length: 4 }, () => openAgain(database.url ?? "", 2));
    try {
      const moments = Array.from({ length: 60 }, (_, at) => `2025-0${1 + (at % 3)}-15T08:00:00Z`);
      await write(...moments);
      const options = { now: new Date("2025-03-15T12:00:00Z"), retentionDays: 365 };
      const writes = Array.from({ length: 60 }, (_, at) => write(`2025-03-${15 + (at % 4)}T10:00:00Z`));
      // Who meets a busy table gives way, and leaves the rest to the next time.
      const gaveWay = (error: { cause?: { code?: string } }) => expect(["55P03", "57014"]).toContain(error.cause?.code);
      const maintained = replicas.map((replica) => maintainPartitions(replica.db, options).catch(gaveWay));
      await Promise.all([...maintained, ...writes]);
      // Whoever found another at work left it to that one.
      await maintainPartitions(db(), options);
      const found = await places();
      expect(found).toHaveLength(120);
      expect(found.filter((place) => place.startsWith("default"))).toEqual([]);
    } finally {
      await Promise.all(replicas.map((replica) => replica.close()));
    }
  });

  it("give way to whoever reads for long, and are made the next time", async () => {
    await maintain();
    const other = openAgain(database.url ?? "", 1);
    const reader = await other.connect({ name: "reader" });
    try {
      await reader.query("begin");
      await reader.query("select count(*) from audit_entries");
      const tomorrow = new Date("2025-03-02T12:00:00Z");
      await expect(maintain(tomorrow)).rejects.toMatchObject({ cause: { code: "55P03" } });
      await write("2025-03-05T01:00:00Z");
      expect(await places()).toEqual(["default 03-05 01:00:00.000"]);
      await reader.query("rollback");
      await maintain(tomorrow);
      expect(await places()).toEqual(["p20250305 03-05 01:00:00.000"]);
    } finally {
      await reader.end();
      await other.close();
    }
  });
});
