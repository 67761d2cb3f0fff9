import { Code } from "@connectrpc/connect";
import { sql } from "drizzle-orm";
import { expect, vi } from "vitest";
import type { TestPlatform } from "../../support/platform.js";

/** A call of an audited method that was refused. */
export interface Refused {
  readonly method: string;
  readonly user: string | undefined;
  readonly verdict: "denied" | "unauthenticated";
}

/** Expects that exactly these refusals are in the audit log. */
export async function expectRecorded({ platform }: TestPlatform, refused: readonly Refused[]): Promise<void> {
  const codes = { denied: Code.PermissionDenied, unauthenticated: Code.Unauthenticated };
  const expected = tally(refused.map(({ method, user, verdict }) => `${method} ${user ?? "?"} ${codes[verdict]}`));
  await vi.waitFor(
    async () => {
      const { rows } = await platform.db.execute<{ line: string }>(
        sql`select method || ' ' || coalesce("user", '?') || ' ' || code as line from audit_entries
          where phase = 'response' and code in (${Code.PermissionDenied}, ${Code.Unauthenticated})`,
      );
      expect(tally(rows.map(({ line }) => line))).toEqual(expected);
    },
    { timeout: 10_000, interval: 100 },
  );
}

/** How often each line is there, by the line. */
function tally(lines: readonly string[]): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const line of [...lines].sort()) counts.set(line, (counts.get(line) ?? 0) + 1);
  return Object.fromEntries(counts);
}

/** What calls leave behind by themselves: records, and announcements of changes. */
const noise = sql`table_name !~ '^(audit_entries|changes|credential_uses)'`;

/** Whether a row is that of a token or API key with which the test itself calls. */
export function madeByTest(table: string, row: string): boolean {
  return (table === "tokens" && row.includes(",matrix,")) || (table === "credentials" && row.includes(",test,"));
}

/** Every row of every table, as text, by the table. */
export async function inventory({ platform }: TestPlatform): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const { db } = platform;
  const { rows: tables } = await db.execute<{ table_name: string }>(
    sql`select table_name from information_schema.tables
      where table_schema = 'public' and table_type = 'BASE TABLE' and ${noise}`,
  );
  const found = new Map<string, ReadonlySet<string>>();
  for (const { table_name: table } of tables) {
    const { rows } = await db.execute<{ row: string }>(sql`select t::text as row from ${sql.identifier(table)} as t`);
    found.set(table, new Set(rows.map(({ row }) => row)));
  }
  return found;
}
