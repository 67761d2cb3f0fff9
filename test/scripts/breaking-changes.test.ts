import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { breakingChanges } from "../../scripts/breaking-changes.js";
import { run } from "../../scripts/run.js";

let parent: string;
let repository: string;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "slipway-history-"));
  repository = join(parent, "repository");
  mkdirSync(repository);
  git("init", "--quiet", "--initial-branch", "main");
});

afterEach(() => rmSync(parent, { recursive: true, force: true }));

function git(...args: string[]): string {
  const result = run(repository, "git", "-c", "user.name=Test", "-c", "user.email=test@example.com", ...args);
  if (!result.ok) throw new Error(result.text);
  return result.text;
}

function commit(files: Record<string, string>): string {
  write(files);
  git("add", "--all");
  git("commit", "--quiet", "--message", "Change files");
  return git("rev-parse", "HEAD");
}

function write(files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(repository, path, ".."), { recursive: true });
    writeFileSync(join(repository, path), text);
  }
}

function contract(...fields: string[]): Record<string, string> {
  return {
    "buf.yaml": "version: v2\nmodules:\n  - path: proto\n",
    "proto/shop/v1/shop.proto": `syntax = "proto3";\npackage shop.v1;\nmessage Order {\n${fields.join("\n")}\n}\n`,
  };
}

it("finds nothing to compare with in the first commit", () => {
  commit(contract("string id = 1;"));
  expect(breakingChanges(repository)).toEqual({ against: "nothing: there is no earlier commit here", problems: [] });
});

it("finds nothing to compare with while the base has no contract", () => {
  const base = commit({ "README.md": "empty\n" });
  commit(contract("string id = 1;"));
  expect(breakingChanges(repository)).toEqual({ against: `nothing: ${base} has no proto directory`, problems: [] });
});

it("compares the working tree on main with the commit before", () => {
  const base = commit(contract("string id = 1;", "string note = 2;"));
  commit(contract("string id = 1;", "string note = 2;", "string city = 3;"));
  expect(breakingChanges(repository)).toEqual({ against: base, problems: [] });

  write(contract("string id = 1;"));
  const { problems } = breakingChanges(repository);
  expect(problems.join("\n")).toContain('field "2" with name "note" on message "Order" was deleted');
});

it("compares a branch with the commit where it left main", () => {
  const base = commit(contract("string id = 1;", "string note = 2;"));
  git("checkout", "--quiet", "-b", "work");
  commit(contract("string id = 1;"));
  commit({ "README.md": "unrelated\n" });
  const comparison = breakingChanges(repository);
  expect(comparison.against).toBe(base);
  expect(comparison.problems).toHaveLength(1);
});

it("works on a detached HEAD and in a shallow clone", () => {
  commit(contract("string id = 1;", "string note = 2;"));
  const base = commit(contract("string id = 1;", "string note = 2;", "string city = 3;"));
  const head = commit(contract("string id = 1;", "string city = 3;"));
  git("checkout", "--quiet", "--detach");
  expect(breakingChanges(repository)).toMatchObject({ against: base, problems: [expect.stringContaining("note")] });

  const shallow = join(parent, "shallow");
  git("clone", "--quiet", "--no-local", "--depth", "2", `file://${repository}`, shallow);
  expect(run(shallow, "git", "rev-parse", "HEAD").text).toBe(head);
  expect(breakingChanges(shallow)).toMatchObject({ against: base, problems: [expect.stringContaining("note")] });
});

it("finds nothing to compare with outside of any history", () => {
  const unpacked = join(parent, "unpacked");
  mkdirSync(unpacked);
  expect(breakingChanges(unpacked).problems).toEqual([]);
});
