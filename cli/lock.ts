import { closeSync, openSync, readFileSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Failure } from "./failure.js";

const mostWaitMs = 60_000;
const staleAfterMs = 90_000;
const guardStaleAfterMs = 10_000;

/**
 * Runs something while holding `FILE.lock`, so that of several processes one at a time changes the file.
 * A lock whose holder has died, or is older than anything here takes, is taken over.
 */
export async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  const lock = `${file}.lock`;
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const mine = await take(lock);
  try {
    return await work();
  } finally {
    if (read(lock) === mine) unlinkSync(lock);
  }
}

async function take(lock: string): Promise<string> {
  const mine = `${process.pid} ${hostname()} ${Date.now()} ${Math.random()}`;
  const until = Date.now() + mostWaitMs;
  for (;;) {
    if (create(lock, mine)) return mine;
    if (isStale(lock)) removeStale(lock);
    else if (Date.now() > until) {
      throw new Failure("general", `${lock} is held by another process (${read(lock) ?? "gone"})`, [
        "If no slipway runs, remove that file.",
      ]);
    } else await pause(15 + Math.random() * 30);
  }
}

function create(path: string, text: string): boolean {
  try {
    const fd = openSync(path, "wx", 0o600);
    writeFileSync(fd, text);
    closeSync(fd);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function isStale(lock: string): boolean {
  const text = read(lock);
  if (text === undefined) return false;
  if (ageOf(lock) > staleAfterMs) return true;
  const [pid = "", host] = text.split(" ");
  return host === hostname() && !isAlive(Number(pid));
}

/** Two that find the same stale lock must not remove a fresh one of each other: a second lock guards the removal. */
function removeStale(lock: string): void {
  const guard = `${lock}.stale`;
  if (!create(guard, String(process.pid))) {
    if (ageOf(guard) > guardStaleAfterMs) remove(guard);
    return;
  }
  try {
    if (isStale(lock)) remove(lock);
  } finally {
    remove(guard);
  }
}

function ageOf(path: string): number {
  try {
    return Date.now() - statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
