import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";

// Plain JavaScript, for the child does not inherit what lets this process run TypeScript.
const CREATE = `
  const [module, dataDir] = process.argv.slice(1);
  const { PGlite } = await import(module);
  await (await PGlite.create({ dataDir })).close();`;
const TIMEOUT_MS = 120_000;

/**
 * Creates the files of an embedded database, unless they are there. A process of
 * its own does it, for that takes seconds and leaves half a gigabyte behind; the
 * final name appears last, so that an interrupted start is simply repeated.
 */
export async function ensureFiles(directory: string): Promise<void> {
  if (existsSync(directory)) return;
  const parent = dirname(directory);
  const prefix = `${basename(directory)}.unfinished-`;
  for (const name of await readdir(parent)) {
    if (name.startsWith(prefix)) await rm(join(parent, name), { recursive: true, force: true });
  }
  const unfinished = join(parent, `${prefix}${process.pid}`);
  const module = import.meta.resolve("@electric-sql/pglite");
  const args = ["--input-type=module", "--eval", CREATE, module, unfinished];
  await promisify(execFile)(process.execPath, args, { timeout: TIMEOUT_MS });
  await rename(unfinished, directory);
}
