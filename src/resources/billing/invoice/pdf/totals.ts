import { formatMinor, formatMoney, formatPercent } from "../../money.js";
import { type InvoiceLineRow, type InvoiceRow, sumsOf } from "../store.js";
import { type Block, contentWidth, page, space, styles } from "./blocks.js";
import { dayText } from "./format.js";
import { colours, lineHeight, type Pen, type Style } from "./pen.js";

const width = 268;
const left = page.left + contentWidth - width;
const inset = 5;

/** What is charged in all: discounts, coupons, tax, credit, and what is left to pay. */
export function totalBlocks(pen: Pen, row: InvoiceRow, lines: readonly InvoiceLineRow[]): Block[] {
  const { currency } = row;
  const { net, total, due } = sumsOf(row);
  const amount = (label: string, value: bigint, style: Style = styles.normal): Block =>
    amountBlock(pen, label, formatMinor(value, currency), style);
  const reductions = lines.map((line) =>
    amount(`${line.kind === "coupon" ? "Coupon" : "Discount"}: ${line.description}`, line.amount),
  );
  return [
    { ...space(8), keepWithNext: true },
    { ...amount(`Subtotal in ${currency.toUpperCase()}`, row.subtotal, styles.strong), keepWithNext: true },
    ...reductions.map((block) => ({ ...block, keepWithNext: reductions.length <= 6 })),
    together([
      ...(reductions.length > 0 ? [ruled(amount("Net", net))] : []),
      amount(`Value added tax ${formatPercent(row.vatBasisPoints)} %`, row.vat),
      ruled(amount("Total", total, styles.strong)),
      ...(row.balance > 0n ? [amount("Paid from credit", -row.balance)] : []),
      dueBlock(formatMoney(due, currency)),
      ...notes(row, due).flatMap((note, at) => noteBlock(pen, note, at === 0 ? 14 : 2)),
    ]),
  ];
}

function notes(row: InvoiceRow, due: bigint): string[] {
  const payment =
    due === 0n
      ? "Nothing is left to pay."
      : `Please pay ${formatMoney(due, row.currency)} by ${dayText(row.dueAt)}, quoting ${row.number}.`;
  const byStripe = "The amount is collected by the means of payment of your account.";
  const own = row.processor === "stripe" && due > 0n ? byStripe : payment;
  return [row.vatNote, row.status === "void" ? "This invoice was withdrawn." : own].filter((note) => note !== "");
}

function amountBlock(pen: Pen, label: string, amount: string, style: Style): Block {
  const labels = pen.wrap(label, style, width - 2 * inset - 84, 3);
  return {
    height: labels.length * lineHeight(style) + 4,
    draw(on, y) {
      const place = { x: left + inset, y: y + 2, width: width - 2 * inset };
      on.writeLines(labels, style, place);
      on.write(amount, style, { ...place, x: left + width - inset - 80, width: 80, align: "right" });
    },
  };
}

/** A block with a thin line above it. */
function ruled(block: Block): Block {
  return {
    height: block.height + 4,
    draw(pen, y) {
      pen.rule(y + 2, left, width, colours.line);
      block.draw(pen, y + 3);
    },
  };
}

function dueBlock(amount: string): Block {
  const height = 30;
  return {
    height,
    draw(on, y) {
      on.doc.rect(left, y + 5, width, height - 7).fill(colours.fill);
      const place = { x: left + inset, y: y + 10.5, width: width - 2 * inset };
      on.write("Amount due", styles.due, { ...place, width: 110 });
      on.write(amount, styles.due, { ...place, x: place.x + 112, width: place.width - 112, align: "right" });
    },
  };
}

function noteBlock(pen: Pen, note: string, before: number): Block[] {
  const lines = pen.wrap(note, styles.normal, contentWidth, 4);
  const text: Block = {
    height: lines.length * lineHeight(styles.normal),
    draw: (on, y) => on.writeLines(lines, styles.normal, { x: page.left, y, width: contentWidth }),
  };
  return [space(before), text];
}

/** Blocks that stay on one page. */
function together(blocks: readonly Block[]): Block {
  return {
    height: blocks.reduce((sum, { height }) => sum + height, 0),
    draw(pen, y) {
      let top = y;
      for (const block of blocks) {
        block.draw(pen, top);
        top += block.height;
      }
    },
  };
}
