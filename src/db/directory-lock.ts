import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ClassicLevel } from "classic-level";

/**
 * Takes a data directory for this process. The lock is LevelDB's: the kernel
 * drops it with the process, so that a killed one leaves nothing to clear away
 * and two takers never both win.
 */
export async function lockDirectory(directory: string): Promise<{ release(): Promise<void> }> {
  const place = join(directory, "lock");
  const owner = join(directory, "owner.pid");
  await mkdir(place, { recursive: true, mode: 0o700 });
  const lock = new ClassicLevel(place);
  try {
    await lock.open();
  } catch (error) {
    if (!isHeld(error)) throw error;
    const pid = await readFile(owner, "utf8").catch(() => "unknown");
    throw new Error(
      `data directory ${directory} is in use by process ${pid.trim()}; stop it first, or choose another directory`,
      { cause: error },
    );
  }
  await writeFile(owner, `${process.pid}\n`);
  return { release: () => lock.close() };
}

function isHeld(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && "code" in cause && cause.code === "LEVEL_LOCKED";
}
