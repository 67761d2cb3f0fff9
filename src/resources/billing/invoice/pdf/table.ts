import { setImmediate as turn } from "node:timers/promises";
import { formatMinor } from "../../money.js";
import type { InvoiceLineRow } from "../store.js";
import { type Block, contentWidth, page, space, styles } from "./blocks.js";
import { grouped, unitPriceText } from "./format.js";
import { colours, lineHeight, type Pen, type Style } from "./pen.js";

/** A column of the table: its heading, and where it stands. */
interface Column {
  readonly heading: string;
  readonly width: number;
  readonly align?: "right";
}

const gap = 8;
const inset = 5;
const rowPadding = 3.2;
/** After so many lines others have their turn. */
const linesAtOnce = 100;

function columnsFor(currency: string): readonly Column[] {
  const code = currency.toUpperCase();
  const numbers: Column[] = [
    { heading: "Quantity", width: 60, align: "right" },
    { heading: "Unit", width: 72 },
    { heading: `Price in ${code}`, width: 60, align: "right" },
    { heading: `Amount in ${code}`, width: 58, align: "right" },
  ];
  const taken = numbers.reduce((sum, { width }) => sum + width + gap, 0) + 2 * inset;
  const left = contentWidth - taken - gap;
  return [{ heading: "Resource", width: left * 0.44 }, { heading: "Product", width: left * 0.56 }, ...numbers];
}

/** The lines of use by project: a heading, the lines, and the sum of each. */
export async function tableBlocks(pen: Pen, lines: readonly InvoiceLineRow[], currency: string): Promise<Block[]> {
  const columns = columnsFor(currency);
  const head = headBlock(columns);
  const blocks: Block[] = [head];
  for (const group of byProject(lines)) {
    const title = titleOf(group[0]);
    const heading = projectBlock(pen, title, "");
    const repeat = stacked(head, projectBlock(pen, title, " (continued)"));
    blocks.push({ ...heading, repeat: head, keepWithNext: true });
    for (const [at, line] of group.entries()) {
      if (blocks.length % linesAtOnce === 0) await turn();
      // The sum does not stand alone.
      const keepWithNext = at === group.length - 1;
      blocks.push({ ...lineBlock(pen, columns, line, currency), repeat, keepWithNext });
    }
    const sum = group.reduce((total, { amount }) => total + amount, 0n);
    blocks.push({ ...sumBlock(pen, title, formatMinor(sum, currency)), repeat });
    blocks.push(space(6));
  }
  return blocks;
}

/** What a group of lines is of; adjustments of the payment processor belong to no project. */
function titleOf(line: InvoiceLineRow | undefined): string {
  const { project = null, projectName = "" } = line ?? {};
  return project === null ? "Adjustments" : `Project ${projectName || project}`;
}

/** Lines come by project; each group is one of them. */
function byProject(lines: readonly InvoiceLineRow[]): InvoiceLineRow[][] {
  const groups: InvoiceLineRow[][] = [];
  for (const line of lines) {
    const group = groups.at(-1);
    if (group?.[0]?.project === line.project) group?.push(line);
    else groups.push([line]);
  }
  return groups;
}

function headBlock(columns: readonly Column[]): Block {
  const height = 19;
  return {
    height,
    keepWithNext: true,
    draw(pen, y) {
      writeRow(pen, columns, y + 4, styles.head, (column) => [column.heading]);
      pen.rule(y + height - 2, page.left, contentWidth, colours.soft);
    },
  };
}

function projectBlock(pen: Pen, title: string, suffix: string): Block {
  const lines = pen.wrap(`${title}${suffix}`, styles.cellStrong, contentWidth - 2 * inset, 2);
  const height = lines.length * lineHeight(styles.cellStrong) + 2 * rowPadding + 3;
  return {
    height,
    draw(on, y) {
      on.doc.rect(page.left, y + 1.5, contentWidth, height - 3).fill(colours.fill);
      const place = { x: page.left + inset, y: y + rowPadding + 1.5, width: contentWidth - 2 * inset };
      on.writeLines(lines, styles.cellStrong, place);
    },
  };
}

function lineBlock(pen: Pen, columns: readonly Column[], line: InvoiceLineRow, currency: string): Block {
  const product =
    line.kind === "correction" && line.project !== null
      ? `${line.description}, correction of an earlier period`
      : line.description;
  const texts = [
    line.resourceName || line.resource || line.product,
    product,
    grouped(line.quantity),
    line.unitLabel,
    unitPriceText(line.unitAmount, currency),
    formatMinor(line.amount, currency),
  ];
  const cells = columns.map(({ width, align }, at) => {
    const text = texts[at] ?? "";
    return align === "right" ? [text] : pen.wrap(text, styles.cell, width);
  });
  const most = Math.max(...cells.map(({ length }) => length));
  return {
    height: most * lineHeight(styles.cell) + 2 * rowPadding,
    draw: (on, y) => writeRow(on, columns, y + rowPadding, styles.cell, (_, at) => cells[at] ?? []),
  };
}

function sumBlock(pen: Pen, title: string, amount: string): Block {
  const width = contentWidth - 2 * inset;
  const lines = pen.wrap(`Sum of ${title[0]?.toLowerCase()}${title.slice(1)}`, styles.cellStrong, width - 90, 2);
  return {
    height: lines.length * lineHeight(styles.cellStrong) + 2 * rowPadding + 3,
    draw(on, y) {
      on.rule(y + 1, page.left, contentWidth, colours.line);
      const place = { x: page.left + inset, y: y + rowPadding + 2, width };
      on.writeLines(lines, styles.cellStrong, place);
      on.write(amount, styles.cellStrong, { ...place, align: "right" });
    },
  };
}

function stacked(upper: Block, lower: Block): Block {
  return {
    height: upper.height + lower.height,
    draw(pen, y) {
      upper.draw(pen, y);
      lower.draw(pen, y + upper.height);
    },
  };
}

function writeRow(
  pen: Pen,
  columns: readonly Column[],
  y: number,
  style: Style,
  cell: (column: Column, at: number) => readonly string[],
): void {
  let x = page.left + inset;
  for (const [at, column] of columns.entries()) {
    pen.writeLines(cell(column, at), style, { x, y, width: column.width, align: column.align ?? "left" });
    x += column.width + gap;
  }
}
