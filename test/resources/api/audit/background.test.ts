import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startBackground } from "../../../../src/background.js";
import { auditStore } from "../../../../src/resources/api/audit/store.js";
import { startPlatform, type TestPlatform } from "../../../support/platform.js";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform({ background: false, env: { SLIPWAY_AUDIT_RETENTION_DAYS: "2" } });
});
afterAll(() => platform.close());

const partitions = async (): Promise<string[]> => {
  const { rows } = await platform.platform.db.execute<{ name: string }>(sql`
    select relname as name from pg_inherits join pg_class on pg_class.oid = inhrelid
    where inhparent = 'audit_entries'::regclass and relname <> 'audit_entries_default' order by 1`);
  return rows.map(({ name }) => name);
};
const dayOf = (days: number) =>
  `audit_entries_p${new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10).replaceAll("-", "")}`;

it("a worker that starts makes partitions ahead and drops what is past its retention", async () => {
  const { platform: parts, database } = platform;
  for (const name of await partitions()) await parts.db.execute(sql`drop table ${sql.identifier(name)}`);
  const old = {
    ...{ id: parts.newId(), at: new Date(Date.now() - 3 * 86_400_000), requestId: "r", phase: "response" as const },
    ...{ method: "/a.B/C", user: null, tenant: "t", project: null, sourceIp: "", userAgent: "", body: null, code: 0 },
  };
  await auditStore.insert(parts.db, [old]);
  const expected = [0, 1, 2, 3].map(dayOf);
  const background = await startBackground(parts, database.server, { concurrency: 2 });
  try {
    await expect.poll(partitions, { timeout: 20_000 }).toEqual(expected);
    expect(await auditStore.get(parts.db, { id: old.id })).toBeUndefined();
  } finally {
    await background.stop();
  }
});
