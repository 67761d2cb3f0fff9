import { closeSync, openSync, readFileSync, statSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Failure } from "./failure.js";

const mostWaitMs = 60_000;
const staleAfterMs = 90_000;
/** How often a holder shows that it goes on. */
const beatMs = 10_000;
const guardStaleAfterMs = 10_000;

/**
 * Runs something while holding `FILE.lock`, so that of several processes one at a time changes the file.
 * A lock is taken over when its holder has died, or has not shown itself for long: on other machines nobody can look.
 */
export async function withLock<T>(file: string, work: () => Promise<T>, everyMs = beatMs): Promise<T> {
  const lock = `${file}.lock`;
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const mine = await take(lock);
  const beat = setInterval(() => touch(lock, mine), everyMs);
  beat.unref();
  try {
    return await work();
  } finally {
    clearInterval(beat);
    if (read(lock) === mine) remove(lock);
  }
}

function touch(lock: string, mine: string): void {
  if (read(lock) !== mine) return;
  try {
    utimesSync(lock, new Date(), new Date());
  } catch {
    // It was removed at this moment, or may not be written: it grows old.
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
  let fd: number;
  try {
    fd = openSync(path, "wx", 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
  try {
    writeFileSync(fd, text);
    return true;
  } catch (error) {
    // The disk is full: an empty lock would only be in the way.
    remove(path);
    throw error;
  } finally {
    closeSync(fd);
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
