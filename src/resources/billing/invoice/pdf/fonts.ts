import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

/** The files of the two fonts: Latin, Greek, Cyrillic, Armenian, Georgian, Hebrew and Arabic letters. */
export interface Fonts {
  readonly regular: Buffer;
  readonly bold: Buffer;
}

let loaded: Promise<Fonts> | undefined;

/** Reads the fonts, once for all invoices. */
export function loadFonts(): Promise<Fonts> {
  loaded ??= read().catch((error: unknown) => {
    loaded = undefined;
    throw error;
  });
  return loaded;
}

async function read(): Promise<Fonts> {
  const { resolve } = createRequire(import.meta.url);
  const file = (name: string): Promise<Buffer> => readFile(resolve(`dejavu-fonts-ttf/ttf/${name}.ttf`));
  return { regular: await file("DejaVuSansCondensed"), bold: await file("DejaVuSansCondensed-Bold") };
}
