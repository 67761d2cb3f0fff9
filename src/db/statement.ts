import { type Column, DrizzleQueryError, type GetColumnData, is, Param, Placeholder, SQL, sql } from "drizzle-orm";
import { type PgColumn, PgDialect, QueryBuilder } from "drizzle-orm/pg-core";
import { DomainError } from "../errors.js";
import { casing, type Database } from "./database.js";
import { type Decode, decoderOf, sameText } from "./decode.js";

/** What a statement reads, by its name in the rows: columns, or expressions, which are read as texts unless decoded. */
export type Fields = Readonly<
  Record<string, PgColumn | Decoded<unknown> | SQL.Aliased<string> | SQL.Aliased<string | null>>
>;

/** A column whose text is read in another way than the column's own; see `decoded`. */
export interface Decoded<T> {
  readonly column: PgColumn;
  readonly decode: (text: string) => T;
}

/** A column that is not null, whose values are made of what the database writes. */
export function decoded<T>(column: PgColumn, decode: (text: string) => T): Decoded<T> {
  return { column, decode };
}

/** The same of one that may be null. */
export function optional<T>(column: PgColumn, decode: (text: string) => T): Decoded<T | null> {
  return { column, decode };
}

/** The rows of a statement that reads those fields. */
export type RowOf<F extends Fields> = {
  -readonly [Key in keyof F]: F[Key] extends Column
    ? GetColumnData<F[Key], "query">
    : F[Key] extends Decoded<infer T> | SQL.Aliased<infer T>
      ? T
      : never;
};

/** The values of a statement's placeholders, by name. */
export type Values = Readonly<Record<string, unknown>>;

/** Runs a statement, on a connection of the pool or in a transaction, and answers its rows. */
export type Statement<Row> = (db: Database, values?: Values) => Promise<Row[]>;

/** Builds the selects of statements. */
export const queries = new QueryBuilder({ casing });

/**
 * A statement that is built once in the life of the program, and parsed and planned once by each connection, in
 * transactions and outside of them. `query` answers a select of exactly these fields, in their order, or SQL that
 * reads `columnsOf(fields)`, with `sql.placeholder` for what varies. Names are unique in the program.
 */
export function statement<F extends Fields>(
  name: string,
  fields: F,
  query: () => { getSQL(): SQL },
): Statement<RowOf<F>> {
  if (names.has(name)) throw new Error(`there are two statements ${name}`);
  names.add(name);
  const read = rowReader(fields);
  let built: Built | undefined;
  return async (db, values = {}) => {
    built ??= build(name, query());
    const given = built.params.map((param) => param(values));
    try {
      const { rows } = await driverOf(db).query({ ...built.config, values: given });
      return rows.map(read) as RowOf<F>[];
    } catch (error) {
      if (error instanceof DomainError) throw error;
      throw new DrizzleQueryError(built.config.text, given, error as Error);
    }
  };
}

const names = new Set<string>();

/** The fields as the list of a select or of a `returning`. */
export function columnsOf(fields: Fields): SQL {
  return sql.join(
    Object.values(fields).map((field) => (is(field, SQL.Aliased) ? field.sql : sql`${columnOf(field)}`)),
    sql`, `,
  );
}

const columnOf = (field: PgColumn | Decoded<unknown>): PgColumn => ("decode" in field ? field.column : field);

function decoderFor(field: Fields[string]): Decode {
  if (is(field, SQL.Aliased)) return sameText;
  return "decode" in field ? field.decode : decoderOf(field);
}

/** The value of a placeholder as that column takes it; the database need not guess its type. */
export function givenFor(column: PgColumn, name: string): SQL {
  return sql`${sql.param(sql.placeholder(name), column)}::${sql.raw(column.getSQLType())}`;
}

/** Rows come as arrays of texts: nothing of the driver looks at their values. */
interface TextQuery {
  readonly name: string;
  readonly text: string;
  readonly rowMode: "array";
  readonly types: { getTypeParser(): Decode };
}

/** What pg's pools and connections have in common. */
interface Driver {
  query(query: TextQuery & { readonly values: unknown[] }): Promise<{ rows: (string | null)[][] }>;
}

interface Built {
  readonly config: TextQuery;
  readonly params: readonly ((values: Values) => unknown)[];
}

const types = { getTypeParser: () => sameText };

function build(name: string, query: { getSQL(): SQL }): Built {
  const { sql: text, params } = new PgDialect({ casing }).sqlToQuery(query.getSQL());
  return { config: { name, text, rowMode: "array", types }, params: params.map(paramOf) };
}

function paramOf(param: unknown): (values: Values) => unknown {
  if (is(param, Placeholder)) return givenValue(param.name);
  if (!is(param, Param) || !is(param.value, Placeholder)) return () => param;
  const { encoder } = param;
  const value = givenValue(param.value.name);
  return (values) => {
    const own = value(values);
    return own === null ? null : encoder.mapToDriverValue(own);
  };
}

function givenValue(name: string): (values: Values) => unknown {
  return (values) => {
    const value = values[name];
    if (value === undefined) throw new Error(`the statement has no value for ${name}`);
    return value;
  };
}

/** The pool, or the connection of a transaction: drizzle keeps it in its session. */
function driverOf(db: Database): Driver {
  return (db._.session as unknown as { readonly client: Driver }).client;
}

/** Rows begin as copies of an empty one: that costs less than to grow each by its fields. */
function rowReader(fields: Fields): (texts: readonly (string | null)[]) => Record<string, unknown> {
  const keys = Object.keys(fields);
  const decoders = Object.values(fields).map(decoderFor);
  const empty: Record<string, unknown> = Object.fromEntries(keys.map((key) => [key, null]));
  return (texts) => {
    const row = { ...empty };
    for (let i = 0; i < keys.length; i += 1) {
      const [key, decode, text] = [keys[i], decoders[i], texts[i]];
      if (key !== undefined && decode !== undefined && typeof text === "string") row[key] = decode(text);
    }
    return row;
  };
}
