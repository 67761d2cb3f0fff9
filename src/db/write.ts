import { type SQL, sql } from "drizzle-orm";
import { CasingCache } from "drizzle-orm/casing";
import type { PgColumn, PgTable } from "drizzle-orm/pg-core";
import { casing } from "./database.js";
import { givenFor } from "./statement.js";

/** Columns by the names of their placeholders. */
export type Columns = Readonly<Record<string, PgColumn>>;

const casings = new CasingCache(casing);
/** Where columns are written they stand without their table. */
const bare = (column: PgColumn): SQL => sql`${sql.identifier(casings.getColumnCasing(column))}`;
const commas = (parts: readonly SQL[]): SQL => sql.join([...parts], sql`, `);

/** An insert of one row whose values are placeholders; `from` says whether there is one to insert. */
export function insertGiven(table: PgTable, columns: Columns, from: SQL = sql``): SQL {
  const values = Object.entries(columns).map(([name, column]) => givenFor(column, name));
  return sql`insert into ${table} (${commas(Object.values(columns).map(bare))}) select ${commas(values)} ${from}`;
}

/** An update whose values are placeholders, and others that are expressions. */
export function updateGiven(
  table: PgTable,
  columns: Columns,
  others: readonly (readonly [PgColumn, SQL])[],
  where: SQL | undefined,
): SQL {
  const given = Object.entries(columns).map(([name, column]) => sql`${bare(column)} = ${givenFor(column, name)}`);
  const computed = others.map(([column, value]) => sql`${bare(column)} = ${value}`);
  return sql`update ${table} set ${commas([...given, ...computed])} where ${where}`;
}
