import type { Fonts } from "./fonts.js";

/** How a text looks. */
export interface Style {
  readonly size: number;
  readonly bold?: boolean;
  readonly colour?: string;
}

/** A place on the page: the upper left corner and the width, in points. */
export interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly align?: "left" | "right";
}

/** What invoices are drawn with. */
export interface Pen {
  readonly doc: PDFKit.PDFDocument;
  /** Breaks a text into lines that fit; what is beyond the last one is cut, and shown so. */
  wrap(text: string, style: Style, width: number, most?: number): string[];
  /** Writes a single line; one that is too wide is made smaller. */
  write(text: string, style: Style, place: Place): void;
  /** Writes lines below each other. */
  writeLines(lines: readonly string[], style: Style, place: Place): void;
  /** A thin horizontal line. */
  rule(y: number, x: number, width: number, colour: string): void;
}

/** Colours of the invoice. */
export const colours = { text: "#1b1f24", soft: "#5b6470", line: "#cfd5dc", fill: "#f1f4f7" } as const;

/** From the top of one line to the top of the next. */
export const lineHeight = ({ size }: Style): number => size * 1.32;

// A sign of a direction would turn what stands beside it, and others take no room or break lines.
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu;
// Words from right to left, with what is between them: laid out as one, they stand in their order.
const letters = "[\\p{Script=Hebrew}\\p{Script=Arabic}\\p{Script=Syriac}\\p{Script=Nko}\\p{M}]";
const rightToLeft = new RegExp(`(${letters}+(?:[ \\p{P}]+${letters}+)*)`, "u");
const missingGlyph = "\ufffd";

/** Takes a document in hand. */
export function createPen(doc: PDFKit.PDFDocument, fonts: Fonts): Pen {
  doc.registerFont("regular", fonts.regular).registerFont("bold", fonts.bold);
  const pen: Pen = {
    doc,
    wrap(text, style, room, most = 4) {
      choose(doc, style);
      return cut(
        breakLines(shown(doc, text), (part) => widthOf(doc, part) <= room),
        most,
      );
    },
    write: (text, style, place) => writeLine(doc, text, style, place),
    writeLines(lines, style, place) {
      for (const [at, line] of lines.entries()) {
        writeLine(doc, line, style, { ...place, y: place.y + at * lineHeight(style) });
      }
    },
    rule(y, x, length, colour) {
      doc
        .moveTo(x, y)
        .lineTo(x + length, y)
        .lineWidth(0.6)
        .strokeColor(colour)
        .stroke();
    },
  };
  return pen;
}

function choose(doc: PDFKit.PDFDocument, { size, bold = false }: Style): void {
  doc.font(bold ? "bold" : "regular").fontSize(size);
}

/** The width of a text in the font that is chosen. */
function widthOf(doc: PDFKit.PDFDocument, text: string): number {
  return runsOf(text).reduce((sum, run) => sum + doc.widthOfString(run.text, run.options), 0);
}

function writeLine(doc: PDFKit.PDFDocument, text: string, style: Style, place: Place): void {
  const { x, y, width: room, align = "left" } = place;
  choose(doc, style);
  const clean = shown(doc, text);
  const wide = widthOf(doc, clean);
  const size = wide > room ? (style.size * room) / wide : style.size;
  let left = align === "right" ? x + room - Math.min(wide, room) : x;
  choose(doc, { ...style, size });
  doc.fillColor(style.colour ?? colours.text);
  for (const run of runsOf(clean)) {
    doc.text(run.text, left, y + (style.size - size), { lineBreak: false, ...run.options });
    left += doc.widthOfString(run.text, run.options);
  }
}

/**
 * A new document; what it says of itself is the same whenever it is made. The library is loaded here and not before: most
 * processes never need it.
 */
export async function createDocument(title: string, author: string, createdAt: Date): Promise<PDFKit.PDFDocument> {
  const { default: PDFDocument } = await import("pdfkit");
  return new PDFDocument({
    size: "A4",
    margin: 0,
    autoFirstPage: false,
    lang: "en",
    displayTitle: true,
    info: { Title: title, Author: author, Creator: "Slipway", CreationDate: createdAt },
  });
}

/** A text in parts that run in one direction; one from right to left is not laid out word by word. */
function runsOf(text: string): { text: string; options: { features?: [] } }[] {
  // Every other part is what the expression found.
  const parts = text
    .split(rightToLeft)
    .map((part, at) => ({ text: part, options: at % 2 === 1 ? { features: [] } : {} }));
  return parts.filter((part) => part.text !== "") as { text: string; options: { features?: [] } }[];
}

/** A text as the chosen font can show it. */
function shown(doc: PDFKit.PDFDocument, text: string): string {
  // The types do not know the font that is in use.
  const { font } = (doc as unknown as { _font: { font: { hasGlyphForCodePoint(code: number): boolean } } })._font;
  const signs = [...text.normalize("NFC").replace(unseen, " ")];
  return signs.map((sign) => (font.hasGlyphForCodePoint(sign.codePointAt(0) ?? 0) ? sign : missingGlyph)).join("");
}

function breakLines(text: string, fits: (part: string) => boolean): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/).filter((each) => each !== "")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (fits(longer)) {
      line = longer;
      continue;
    }
    if (line !== "") lines.push(line);
    const parts = breakWord(word, fits);
    lines.push(...parts.slice(0, -1));
    line = parts.at(-1) ?? "";
  }
  return line === "" && lines.length > 0 ? lines : [...lines, line];
}

/** Breaks a word that is wider than a line wherever the line ends. */
function breakWord(word: string, fits: (part: string) => boolean): string[] {
  const parts: string[] = [];
  let part = "";
  for (const sign of word) {
    if (part !== "" && !fits(part + sign)) {
      parts.push(part);
      part = "";
    }
    part += sign;
  }
  return [...parts, part];
}

function cut(lines: readonly string[], most: number): string[] {
  if (lines.length <= most) return [...lines];
  const last = lines[most - 1] ?? "";
  return [...lines.slice(0, most - 1), `${[...last].slice(0, -2).join("")}…`];
}
