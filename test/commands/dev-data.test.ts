import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writePrivate } from "../../src/commands/dev-data.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-dev-data-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("a file of secrets of slipway dev", () => {
  it("is its owner's alone, whatever was in its place or in that of its draft", async () => {
    const path = join(folder, "dev.json");
    for (const left of [path, `${path}.new`]) {
      await writeFile(left, "left by somebody");
      await chmod(left, 0o666);
    }
    await writePrivate(path, "secret");
    expect([(await stat(path)).mode & 0o777, await readFile(path, "utf8")]).toEqual([0o600, "secret"]);
  });
});
