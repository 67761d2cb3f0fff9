import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { directoryDifferences } from "../../scripts/generated-code.js";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "slipway-generated-"));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

function tree(name: string, files: Record<string, string>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(directory, name, path, ".."), { recursive: true });
    writeFileSync(join(directory, name, path), text);
  }
  return join(directory, name);
}

it("names files that are missing, stale or left over", () => {
  const expected = tree("expected", { "ts/a.ts": "a", "ts/b.ts": "b", "ts/deep/c.ts": "c" });
  const actual = tree("actual", { "ts/a.ts": "a", "ts/b.ts": "older", "ts/d.ts": "d" });
  expect(directoryDifferences(expected, actual)).toEqual([
    "ts/b.ts is stale",
    "ts/d.ts has no source",
    "ts/deep/c.ts is missing",
  ]);
});

it("finds nothing between equal directories", () => {
  const files = { "ts/a.ts": "a", "go/a.go": "a" };
  expect(directoryDifferences(tree("expected", files), tree("actual", files))).toEqual([]);
});
