/** A column of a table. */
export interface Column<T> {
  /** In upper case. */
  readonly header: string;
  readonly value: (item: T) => string | number | undefined;
  /** Only with -o wide. */
  readonly wide?: true;
}

/** How wide a text is on a terminal. */
export type Width = (text: string) => number;

const gap = "   ";
const narrowest = 8;

/** Loads what measures text: texts of ASCII need nothing. */
export async function widthOf(texts: Iterable<string>): Promise<Width> {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is meant
  const isAscii = [...texts].every((text) => /^[\x00-\x7f]*$/.test(text));
  return isAscii ? (text) => text.length : (await import("string-width")).default;
}

/** A cell without what would move the cursor or colour the terminal; empty ones are marked. */
export function cellOf(value: string | number | undefined): string {
  const text = printable(String(value ?? ""));
  return text === "" ? "-" : text;
}

/** A text without control characters. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is taken out
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, " ").trim();
}

/** How wide a table may be at most, and how wide its columns were so far, which is kept up to date. */
export interface Bounds {
  readonly most?: number | undefined;
  readonly widths?: number[];
}

/** The lines of a table, aligned. */
export function layOut(rows: readonly (readonly string[])[], width: Width, bounds: Bounds = {}): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = bounds.widths ?? [];
  for (let at = 0; at < columns; at += 1) {
    widths[at] = rows.reduce((most, row) => Math.max(most, width(row[at] ?? "")), widths[at] ?? 0);
  }
  if (bounds.most !== undefined) shrink(widths, bounds.most);
  const lines = rows.map((row) => lineOf(row, widths, width));
  const { most } = bounds;
  return most === undefined ? lines : lines.map((line) => cut(line, most, width));
}

function lineOf(row: readonly string[], widths: readonly number[], width: Width): string {
  const cells = row.map((cell, at) => {
    const room = widths[at] ?? 0;
    return pad(cut(cell, room, width), room, width);
  });
  return cells.join(gap).trimEnd();
}

/** The widest columns give way first. */
function shrink(widths: number[], most: number): void {
  const total = (): number => widths.reduce((sum, each) => sum + each, 0) + gap.length * (widths.length - 1);
  while (total() > most) {
    const widest = Math.max(...widths);
    if (widest <= narrowest) return;
    widths[widths.lastIndexOf(widest)] = widest - 1;
  }
}

function cut(text: string, most: number, width: Width): string {
  if (width(text) <= most) return text;
  let kept = "";
  for (const sign of text) {
    if (width(kept + sign) > most - 1) break;
    kept += sign;
  }
  return `${kept}…`;
}

const pad = (text: string, to: number, width: Width): string => text + " ".repeat(Math.max(0, to - width(text)));
