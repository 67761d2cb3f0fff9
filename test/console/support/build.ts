import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { packageRoot } from "../../../src/root.js";

/** Where the console is built to. */
export const built = join(packageRoot(), "dist", "console");
const manifest = join(built, ".vite", "manifest.json");
const sources = ["console/src", "console/public", "clients/ts/src", "gen/ts"];

/** Builds the console unless what is built is newer than its sources; one process of all at a time. */
export async function ensureConsole(): Promise<void> {
  if (isFresh()) return;
  const lock = join(packageRoot(), ".cache", "console-build.lock");
  mkdirSync(join(packageRoot(), ".cache"), { recursive: true });
  while (!tryLock(lock)) await sleep(200);
  try {
    if (!isFresh()) build();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function build(): void {
  const vite = join(packageRoot(), "node_modules", ".bin", "vite");
  const done = spawnSync(vite, ["build", "--config", "console/vite.config.ts", "--logLevel", "warn"], {
    cwd: packageRoot(),
    encoding: "utf8",
    shell: process.platform === "win32",
    // Vitest says "test", with which React would be built for tests.
    env: { ...process.env, NODE_ENV: "production" },
  });
  if (done.status !== 0) throw new Error(`the console cannot be built:\n${done.stdout}${done.stderr}`);
}

function tryLock(lock: string): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch {
    // A build takes seconds: a lock of minutes is of a process that was killed.
    const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - since > 180_000) rmSync(lock, { recursive: true, force: true });
    return false;
  }
}

function isFresh(): boolean {
  if (!existsSync(manifest)) return false;
  const since = statSync(manifest).mtimeMs;
  const files = sources.flatMap((folder) => {
    const at = join(packageRoot(), folder);
    return readdirSync(at, { recursive: true, encoding: "utf8" }).map((name) => join(at, name));
  });
  const all = [...files, join(packageRoot(), "console/index.html"), join(packageRoot(), "console/vite.config.ts")];
  return all.every((file) => statSync(file).mtimeMs <= since);
}
