import { sql } from "drizzle-orm";
import type { TestPlatform } from "../../support/platform.js";

/** The tables in any of whose rows a text occurs. */
export async function tablesWith({ platform }: TestPlatform, text: string): Promise<string[]> {
  const { db } = platform;
  const { rows: tables } = await db.execute<{ table_name: string }>(
    sql`select table_name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`,
  );
  const found: string[] = [];
  for (const { table_name: table } of tables) {
    const { rows } = await db.execute(
      sql`select 1 from ${sql.identifier(table)} as t where t::text like ${`%${text}%`} limit 1`,
    );
    if (rows.length > 0) found.push(table);
  }
  return found;
}
