import { once } from "node:events";
import { Readable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import type { InvoiceLineRow, InvoiceRow } from "../store.js";
import { contentWidth, page, paginate, styles } from "./blocks.js";
import { loadFonts } from "./fonts.js";
import { dayText, partyLines, spanText } from "./format.js";
import { colours, createDocument, createPen, lineHeight, type Pen } from "./pen.js";
import { tableBlocks } from "./table.js";
import { totalBlocks } from "./totals.js";

/**
 * The PDF of an invoice, made page by page as it is read. The same invoice makes the same bytes, for nothing in it
 * depends on when or where it is made.
 */
export function invoicePdf(row: InvoiceRow, lines: readonly InvoiceLineRow[]): Readable {
  return Readable.from(chunks(row, lines), { objectMode: false });
}

async function* chunks(row: InvoiceRow, lines: readonly InvoiceLineRow[]): AsyncGenerator<Buffer> {
  const doc = await createDocument(`Invoice ${row.number}`, row.seller.name, row.issuedAt);
  const pen = createPen(doc, await loadFonts());
  const ready: Buffer[] = [];
  const taken = (): Buffer => Buffer.concat(ready.splice(0));
  doc.on("data", (chunk: Buffer) => ready.push(chunk));
  const foot = pen.wrap(row.seller.footer.join(" · "), styles.foot, contentWidth, 6);
  const bottom = page.height - 58 - foot.length * lineHeight(styles.foot);
  const first = letterHead(pen, row);
  const isUse = ({ kind }: InvoiceLineRow): boolean => kind === "usage" || kind === "correction";
  const blocks = [
    ...(await tableBlocks(pen, lines.filter(isUse), row.currency)),
    ...totalBlocks(
      pen,
      row,
      lines.filter((line) => !isUse(line)),
    ),
  ];
  const pages = paginate(blocks, { first: first.height, others: 74, bottom });
  for (const [at, placed] of pages.entries()) {
    doc.addPage();
    if (at === 0) first.draw();
    else continuation(pen, row);
    for (const { block, y } of placed) block.draw(pen, y);
    footer(pen, row, foot, bottom, `Page ${at + 1} of ${pages.length}`);
    // Others have their turn between the pages of a long invoice.
    await turn();
    if (ready.length > 0) yield taken();
  }
  const ended = once(doc, "end");
  doc.end();
  await ended;
  yield taken();
}

/** The head of the first page: who asks whom for what. */
function letterHead(pen: Pen, row: InvoiceRow): { height: number; draw(): void } {
  const half = contentWidth / 2 - 12;
  const right = page.left + contentWidth - half;
  const seller = partyLines(row.seller);
  const customer = partyLines(row.customer);
  const brand = pen.wrap(seller.name, styles.brand, half, 3);
  const sender = seller.lines.flatMap((line) => pen.wrap(line, styles.soft, half, 2));
  const name = pen.wrap(customer.name, styles.strong, half, 4);
  const address = customer.lines.flatMap((line) => pen.wrap(line, styles.normal, half, 3));
  const facts = factsOf(row).map(([label, value]) => ({ label, lines: pen.wrap(value, styles.normal, half - 92, 3) }));
  const factHeight = (each: { readonly lines: readonly string[] }): number =>
    each.lines.length * lineHeight(styles.normal) + 3;
  const factsHeight = facts.reduce((sum, fact) => sum + factHeight(fact), 0);
  const senderEnd = 52 + Math.max(brand.length * lineHeight(styles.brand), sender.length * lineHeight(styles.soft));
  const parties = Math.max(senderEnd + 24, 134);
  const customerEnd = parties + 14 + (name.length + address.length) * lineHeight(styles.normal);
  const title = Math.max(customerEnd, parties + 14 + factsHeight) + 20;
  return {
    height: title + 54,
    draw() {
      pen.writeLines(brand, styles.brand, { x: page.left, y: 50, width: half });
      pen.writeLines(sender, styles.soft, { x: right, y: 53, width: half, align: "right" });
      pen.rule(senderEnd + 12, page.left, contentWidth, colours.line);
      pen.write("Billed to", styles.head, { x: page.left, y: parties, width: half });
      pen.writeLines(name, styles.strong, { x: page.left, y: parties + 14, width: half });
      const below = parties + 14 + name.length * lineHeight(styles.strong);
      pen.writeLines(address, styles.normal, { x: page.left, y: below, width: half });
      let y = parties + 14;
      for (const fact of facts) {
        pen.write(fact.label, styles.soft, { x: right, y: y + 0.8, width: 88 });
        pen.writeLines(fact.lines, styles.normal, { x: right + 92, y, width: half - 92, align: "right" });
        y += factHeight(fact);
      }
      pen.write(`Invoice ${row.number}`, styles.title, { x: page.left, y: title, width: contentWidth });
      const span = `For use from ${spanText(row.periodStart, row.periodEnd)}, in UTC`;
      pen.write(span, styles.normal, { x: page.left, y: title + 25, width: contentWidth });
    },
  };
}

function factsOf(row: InvoiceRow): [string, string][] {
  return [
    ["Invoice number", row.number],
    ["Invoice date", dayText(row.issuedAt)],
    ["Due date", dayText(row.dueAt)],
    ["Account", row.tenant],
  ];
}

function continuation(pen: Pen, row: InvoiceRow): void {
  const half = contentWidth / 2;
  pen.write(row.seller.name, styles.soft, { x: page.left, y: 46, width: half });
  const place = { x: page.left + half, y: 46, width: half, align: "right" } as const;
  pen.write(`Invoice ${row.number} of ${dayText(row.issuedAt)}`, styles.soft, place);
  pen.rule(61, page.left, contentWidth, colours.line);
}

function footer(pen: Pen, row: InvoiceRow, lines: readonly string[], bottom: number, number: string): void {
  const y = bottom + 18;
  pen.rule(y - 6, page.left, contentWidth, colours.line);
  pen.writeLines(lines, styles.foot, { x: page.left, y, width: contentWidth });
  const last = { x: page.left, y: y + lines.length * lineHeight(styles.foot) + 3, width: contentWidth };
  pen.write(`Invoice ${row.number}`, styles.foot, { ...last, width: contentWidth / 2 });
  pen.write(number, styles.foot, { ...last, align: "right" });
}
