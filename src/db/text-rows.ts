import { type SQL, sql } from "drizzle-orm";
import type { PgColumn } from "drizzle-orm/pg-core";

/** Rows whose values are the texts that the database writes them as. */
export type TextRow<Columns extends Readonly<Record<string, PgColumn>>> = {
  readonly [Key in keyof Columns]: Columns[Key]["_"]["notNull"] extends true ? string : string | null;
};

/**
 * The columns as the fields of a select whose rows are texts; lists are written as JSON. Given to `db.execute`, which
 * leaves the driver's rows as they are, such a select is read in a fraction of the time, which is felt from thousands
 * of rows on.
 */
export function asTexts<Columns extends Readonly<Record<string, PgColumn>>>(
  columns: Columns,
): { readonly [Key in keyof Columns]: SQL.Aliased<string | null> } {
  const fields = Object.entries(columns).map(([key, column]) => {
    const value = column.columnType === "PgArray" ? sql`to_json(${column})` : sql`${column}`;
    return [key, sql<string | null>`${value}::text`.as(key)] as const;
  });
  return Object.fromEntries(fields) as { readonly [Key in keyof Columns]: SQL.Aliased<string | null> };
}
