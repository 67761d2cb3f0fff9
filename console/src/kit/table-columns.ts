import type { ReactNode } from "react";

/** A column of a table. */
export interface Column<Row> {
  readonly id: string;
  readonly header: string;
  /** Width in pixels, or the least width where it grows. */
  readonly width: number;
  /** Its share of the room that is left; fixed unless given. */
  readonly grow?: number;
  /** Where there is no room, columns with the highest number go first; 0, the usual, stays. */
  readonly priority?: number;
  readonly align?: "end";
  /** What rows are sorted by; without it the column cannot be sorted. */
  readonly sort?: (row: Row) => string | number | bigint;
  /** The words that the filter looks through. */
  readonly text?: (row: Row) => string;
  readonly cell: (row: Row) => ReactNode;
}

/** By which column rows are sorted. */
export interface Sort {
  readonly column: string;
  readonly descending: boolean;
}

/** Sorts by a column; by the same one again the other way round. */
export function toggled(sort: Sort | undefined, column: string): Sort {
  return { column, descending: sort?.column === column && !sort.descending };
}

/** The rows to show, filtered and sorted; rows that sort alike stay in their order. */
export function shown<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  filter: string,
  sort: Sort | undefined,
): readonly Row[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const texts = columns.flatMap(({ text }) => (text === undefined ? [] : [text]));
  const matching =
    words.length === 0
      ? rows
      : rows.filter((row) => {
          const all = texts.map((text) => text(row).toLowerCase()).join("\n");
          return words.every((word) => all.includes(word));
        });
  const by = columns.find(({ id }) => id === sort?.column)?.sort;
  if (by === undefined) return matching;
  const sign = sort?.descending ? -1 : 1;
  return matching
    .map((row) => ({ row, value: by(row) }))
    .sort((a, b) => sign * compare(a.value, b.value))
    .map(({ row }) => row);
}

/** The columns that there is room for, in their order. */
export function fitting<Row>(columns: readonly Column<Row>[], room: number): readonly Column<Row>[] {
  const kept = new Set(columns);
  const goFirst = columns
    .filter(({ priority }) => (priority ?? 0) > 0)
    .sort((a, b) => (b.priority ?? 0) - (a.priority ?? 0));
  const width = () => [...kept].reduce((sum, column) => sum + column.width, 0);
  for (const column of goFirst) {
    if (width() <= room) break;
    kept.delete(column);
  }
  return columns.filter((column) => kept.has(column));
}

const collator = new Intl.Collator("en", { numeric: true });

function compare(a: string | number | bigint, b: string | number | bigint): number {
  if (typeof a === "string" && typeof b === "string") return collator.compare(a, b);
  return a < b ? -1 : a > b ? 1 : 0;
}
