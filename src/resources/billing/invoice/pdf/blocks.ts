import type { Pen, Style } from "./pen.js";

/** A piece of the invoice that is not broken across pages. */
export interface Block {
  /** In points. */
  readonly height: number;
  /** Stays on the page of the next block. */
  readonly keepWithNext?: boolean;
  /** What is drawn again before it where it begins a page. */
  readonly repeat?: Block;
  draw(pen: Pen, y: number): void;
}

/** A block and the height of its upper edge on its page. */
export interface Placed {
  readonly block: Block;
  readonly y: number;
}

/** The room for blocks on the first page and on all others. */
export interface Room {
  readonly first: number;
  readonly others: number;
  readonly bottom: number;
}

/** The page, in points: A4. */
export const page = { width: 595.28, height: 841.89, left: 52, right: 52 } as const;

/** The width between the margins. */
export const contentWidth = page.width - page.left - page.right;

/** How texts look. */
export const styles = {
  brand: { size: 15, bold: true },
  title: { size: 17, bold: true },
  strong: { size: 9, bold: true },
  normal: { size: 9 },
  soft: { size: 8, colour: "#5b6470" },
  cell: { size: 8.2 },
  cellStrong: { size: 8.2, bold: true },
  head: { size: 7.4, colour: "#5b6470" },
  foot: { size: 7.2, colour: "#5b6470" },
  due: { size: 11, bold: true },
} as const satisfies Record<string, Style>;

/** Nothing, of that height. */
export const space = (height: number): Block => ({ height, draw() {} });

/** Puts blocks onto pages, each below the one before; there is always one page. */
export function paginate(blocks: readonly Block[], room: Room): Placed[][] {
  const pages: Placed[][] = [[]];
  let y = room.first;
  for (const [at, block] of blocks.entries()) {
    if (y > (pages.length === 1 ? room.first : room.others) && y + needed(blocks, at) > room.bottom) {
      pages.push([]);
      y = room.others;
      if (block.repeat !== undefined) {
        pages.at(-1)?.push({ block: block.repeat, y });
        y += block.repeat.height;
      }
    }
    pages.at(-1)?.push({ block, y });
    y += block.height;
  }
  return pages;
}

/** What must fit on one page: the block and those that it is kept with. */
function needed(blocks: readonly Block[], from: number): number {
  let height = 0;
  for (const { height: own, keepWithNext = false } of blocks.slice(from, from + 12)) {
    height += own;
    if (!keepWithNext) break;
  }
  return height;
}
