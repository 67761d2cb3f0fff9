import type { DescMessage, JsonValue, MessageShape } from "@bufbuild/protobuf";
import type { OutputFormat } from "./flags.js";
import { type Column, cellOf, layOut, widthOf } from "./table.js";

/** How messages of a kind are printed. */
export interface Kind<D extends DescMessage> {
  /** Loads the schema, for JSON and YAML. */
  readonly schema: () => Promise<D>;
  /** What -o name prints: what other commands take. */
  readonly name: (item: MessageShape<D>) => string;
  readonly columns: readonly Column<MessageShape<D>>[];
}

/** Prints messages on stdout, in the format that was asked for. */
export interface Output {
  readonly format: OutputFormat;
  /** Several: a table, or an array. */
  list<D extends DescMessage>(kind: Kind<D>, items: readonly MessageShape<D>[]): Promise<void>;
  /** One: a table with one line, or an object. */
  one<D extends DescMessage>(kind: Kind<D>, item: MessageShape<D>): Promise<void>;
  /** One after the other, as they come: lines of JSON, documents of YAML, rows below one header. */
  stream<D extends DescMessage>(kind: Kind<D>): (item: MessageShape<D>) => Promise<void>;
  /** What is no message: rows for people, a value for programs. */
  plain<T>(columns: readonly Column<T>[], items: readonly T[], value: (item: T) => JsonValue): Promise<void>;
}

/** Begins to print; `write` is for stdout. */
export function openOutput(format: OutputFormat, write: (text: string) => void, terminalWidth?: number): Output {
  const table = async <T>(columns: readonly Column<T>[], items: readonly T[]): Promise<void> => {
    const all = rowsOf(format, columns, items);
    const lines = layOut(all, await widthOf(all.flat()), { most: format === "table" ? terminalWidth : undefined });
    write(lines.map((line) => `${line}\n`).join(""));
  };
  const values = async (value: JsonValue): Promise<void> => write(await encode(format, value));
  return {
    format,
    async list(kind, items) {
      if (format === "name") return write(items.map((item) => `${kind.name(item)}\n`).join(""));
      if (format === "json" || format === "yaml") return await values(await Promise.all(items.map(jsonOf(kind))));
      await table(kind.columns, items);
    },
    async one(kind, item) {
      if (format === "name") return write(`${kind.name(item)}\n`);
      if (format === "json" || format === "yaml") return await values(await jsonOf(kind)(item));
      await table(kind.columns, [item]);
    },
    stream: (kind) => openStream(kind, format, write),
    async plain(columns, items, value) {
      if (format === "json" || format === "yaml") return await values(items.map(value));
      if (format === "name") return write(items.map((item) => `${cellOf(columns[0]?.value(item))}\n`).join(""));
      await table(columns, items);
    },
  };
}

/** The header and a row for each item. */
function rowsOf<T>(format: OutputFormat, columns: readonly Column<T>[], items: readonly T[]): string[][] {
  const shown = columns.filter((column) => format === "wide" || column.wide !== true);
  const rows = items.map((item) => shown.map((column) => cellOf(column.value(item))));
  return [shown.map((column) => column.header), ...rows];
}

function openStream<D extends DescMessage>(
  kind: Kind<D>,
  format: OutputFormat,
  write: (text: string) => void,
): (item: MessageShape<D>) => Promise<void> {
  const json = jsonOf(kind);
  // Rows come one at a time: each column is as wide as its widest cell so far.
  const widths: number[] = [];
  let isFirst = true;
  return async (item) => {
    if (format === "name") return write(`${kind.name(item)}\n`);
    if (format === "json") return write(`${JSON.stringify(await json(item))}\n`);
    if (format === "yaml") return write(`---\n${await encode("yaml", await json(item))}`);
    const rows = rowsOf(format, kind.columns, [item]);
    const lines = layOut(rows, await widthOf(rows.flat()), { widths });
    write((isFirst ? lines : lines.slice(1)).map((line) => `${line}\n`).join(""));
    isFirst = false;
  };
}

function jsonOf<D extends DescMessage>(kind: Kind<D>): (item: MessageShape<D>) => Promise<JsonValue> {
  return async (item) => {
    const [{ toJson }, schema] = await Promise.all([import("@bufbuild/protobuf"), kind.schema()]);
    return toJson(schema, item) as JsonValue;
  };
}

async function encode(format: OutputFormat, value: JsonValue): Promise<string> {
  if (format === "json") return `${JSON.stringify(value, null, 2)}\n`;
  const { stringify } = await import("yaml");
  return stringify(value, { aliasDuplicateObjects: false });
}
