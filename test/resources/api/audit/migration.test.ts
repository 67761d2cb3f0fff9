import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { migrationsFolder } from "../../../../src/db/migrate.js";
import { needsPostgres, openEmptyDatabase, postgresUrl, type TestDatabase } from "../../../support/database.js";

async function apply({ server }: TestDatabase, name: string): Promise<void> {
  const text = await readFile(join(migrationsFolder(), `${name}.sql`), "utf8");
  for (const statement of text.split("--> statement-breakpoint")) await server.pool.query(statement);
}

it.skipIf(postgresUrl === undefined)(`records of before are kept, by days (${needsPostgres})`, async () => {
  const database = await openEmptyDatabase(postgresUrl ?? "");
  const { pool } = database.server;
  try {
    for (const name of ["0000_change_feed", "0001_platform", "0002_identity"]) await apply(database, name);
    await pool.query(`
      insert into audit_entries (id, at, request_id, phase, method, source_ip, user_agent, body)
      select gen_random_uuid(), at, 'r' || n, 'response', '/a.B/C', '', '', '{}'
      from (values (1, '2025-12-31 23:59:59.999+00'::timestamptz), (2, '2026-01-01 00:00:00+00'), (3, now())) as v (n, at)`);
    const before = await pool.query("select * from audit_entries order by at");
    await apply(database, "0003_audit_partitions");
    expect((await pool.query("select * from audit_entries order by at")).rows).toEqual(before.rows);
    const { rows } = await pool.query(
      "select request_id, tableoid::regclass::text as place from audit_entries order by at",
    );
    expect(rows.slice(0, 2)).toEqual([
      { request_id: "r1", place: "audit_entries_p20251231" },
      { request_id: "r2", place: "audit_entries_p20260101" },
    ]);
    expect(rows[2]?.place).toMatch(/^audit_entries_p\d{8}$/);
    expect((await pool.query("select to_regclass('audit_entries_whole') as old")).rows).toEqual([{ old: null }]);
  } finally {
    await database.close();
  }
});
