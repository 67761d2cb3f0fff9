import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { built } from "./build.js";

interface Chunk {
  readonly file: string;
  readonly isEntry?: boolean;
  readonly imports?: readonly string[];
  readonly css?: readonly string[];
}

/** What a browser loads before it shows anything: the scripts and styles of the entry, and what these import. */
export function firstLoad(): { readonly files: readonly string[]; readonly gzipBytes: number } {
  const chunks = JSON.parse(readFileSync(join(built, ".vite", "manifest.json"), "utf8")) as Record<string, Chunk>;
  const seen = new Set<string>();
  const files = new Set<string>();
  const add = (name: string): void => {
    const chunk = chunks[name];
    if (chunk === undefined || seen.has(name)) return;
    seen.add(name);
    for (const file of [chunk.file, ...(chunk.css ?? [])]) files.add(file);
    for (const other of chunk.imports ?? []) add(other);
  };
  for (const [name, { isEntry }] of Object.entries(chunks)) if (isEntry) add(name);
  const gzipBytes = [...files].reduce((sum, file) => sum + gzipSync(readFileSync(join(built, file))).length, 0);
  return { files: [...files], gzipBytes };
}
