import { spawnSync } from "node:child_process";
import { delimiter, join } from "node:path";

/** The root of the repository. */
export const root = join(import.meta.dirname, "..");

const binaries = join(root, "node_modules", ".bin");

/** How a program ended. */
export interface Run {
  readonly ok: boolean;
  /** Standard output as bytes. */
  readonly output: Buffer;
  /** Standard output and error as text. */
  readonly text: string;
}

/** Runs a program in a directory, with the tools of this repository in reach, for two minutes at most. */
export function run(directory: string, program: string, ...args: string[]): Run {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: directory,
    env: { ...process.env, PATH: `${binaries}${delimiter}${process.env.PATH ?? ""}` },
    maxBuffer: 64 * 1024 * 1024,
    timeout: 120_000,
  });
  if (error && (error as NodeJS.ErrnoException).code === "ENOENT") {
    return { ok: false, output: Buffer.alloc(0), text: `${program} is not installed` };
  }
  if (error) throw error;
  return { ok: status === 0, output: stdout, text: `${stdout}${stderr}`.trim() };
}

/** Runs buf in the root of the repository. */
export function buf(...args: string[]): Run {
  return run(root, "buf", ...args);
}
