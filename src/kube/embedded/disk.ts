import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { ClassicLevel } from "classic-level";

/** One step of an atomic write; a key without value is removed. */
export interface DiskStep {
  readonly key: string;
  readonly value?: string;
}

/** Where a server keeps its objects: an ordered map of text to text. */
export interface Disk {
  /** All or nothing. */
  write(steps: readonly DiskStep[]): Promise<void>;
  /** All entries whose key begins with the prefix, in order of the keys. */
  entries(prefix: string): AsyncIterable<readonly [key: string, value: string]>;
  /** Removes all entries whose key begins with the prefix. */
  clear(prefix: string): Promise<void>;
  close(): Promise<void>;
}

const afterPrefix = "\uffff";

/** Opens the database below a directory; an error that says so when another process has it open. */
export async function openDisk(directory: string): Promise<Disk> {
  const location = join(directory, "objects");
  await mkdir(location, { recursive: true, mode: 0o700 });
  const level = new ClassicLevel<string, string>(location);
  try {
    await level.open();
  } catch (error) {
    throw translateOpenError(error, location);
  }
  return {
    write: (steps) =>
      level.batch(
        steps.map(({ key, value }) => (value === undefined ? { type: "del", key } : { type: "put", key, value })),
      ),
    entries: (prefix) => level.iterator({ gte: prefix, lt: prefix + afterPrefix }),
    clear: (prefix) => level.clear({ gte: prefix, lt: prefix + afterPrefix }),
    close: () => level.close(),
  };
}

function translateOpenError(error: unknown, location: string): Error {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof Error && (cause as NodeJS.ErrnoException).code === "LEVEL_LOCKED") {
    const message = `another process uses the embedded Kubernetes data in ${location}: stop it, or choose another directory`;
    return new Error(message, { cause: error });
  }
  return new Error(`the embedded Kubernetes data in ${location} cannot be opened`, { cause: error });
}

/** Keeps nothing: for servers that live as long as their process. */
export function noDisk(): Disk {
  return {
    write: async () => undefined,
    async *entries() {},
    clear: async () => undefined,
    close: async () => undefined,
  };
}
