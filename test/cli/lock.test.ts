import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withLock } from "../../cli/lock.js";

let folder: string;
let file: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-lock-"));
  file = join(folder, "config.yaml");
});
afterAll(() => rm(folder, { recursive: true }));

const longAgo = new Date(Date.now() - 24 * 3_600_000);
const lock = () => `${file}.lock`;

describe("the lock of a file", () => {
  it("is held by one at a time, and leaves nothing behind", async () => {
    let inside = 0;
    let most = 0;
    const work = async () => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((resolve) => setTimeout(resolve, 5));
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 12 }, () => withLock(file, work)));
    await expect(withLock(file, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect([most, await readdir(folder)]).toEqual([1, []]);
  });

  it("stays its holder's, however long the work takes", async () => {
    const order: string[] = [];
    let second: Promise<void> | undefined;
    await withLock(
      file,
      async () => {
        // As it is after minutes: only the holder's own signs keep it from being taken for a dead one's.
        await utimes(lock(), longAgo, longAgo);
        const isFresh = async () => Date.now() - (await stat(lock())).mtimeMs < 60_000;
        await expect.poll(isFresh, { timeout: 30_000 }).toBe(true);
        second = withLock(file, async () => void order.push("second"));
        await new Promise((resolve) => setTimeout(resolve, 200));
        order.push("first");
      },
      20,
    );
    await second;
    expect(order).toEqual(["first", "second"]);
  });

  it("is taken over from a dead process, and from another machine that is silent", async () => {
    // No process has the highest id there can be.
    await writeFile(lock(), `4194304 ${hostname()} 0 0`);
    expect(await withLock(file, () => readFile(lock(), "utf8"))).toContain(`${process.pid} ${hostname()}`);
    await writeFile(lock(), "1 elsewhere 0 0");
    await utimes(lock(), longAgo, longAgo);
    expect(await withLock(file, async () => "taken")).toBe("taken");
    // Who made it was killed before it was filled.
    await writeFile(lock(), "");
    await utimes(lock(), longAgo, longAgo);
    expect(await withLock(file, async () => "taken")).toBe("taken");
    expect(await readdir(folder)).toEqual([]);
  });

  it("that was taken away is not taken from its next holder", async () => {
    await withLock(file, () => writeFile(lock(), "2 elsewhere 0 0"), 5);
    expect(await readFile(lock(), "utf8")).toBe("2 elsewhere 0 0");
    await rm(lock());
  });
});
