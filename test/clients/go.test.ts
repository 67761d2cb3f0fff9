import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { packageRoot } from "../../src/root.js";
import { programArgs } from "../support/process.js";
import { needs } from "../support/tools.js";

const root = packageRoot();
const client = join(root, "gen", "go");
const minute = 60_000;

/** What a program prints; fails with it when the program does. */
async function printed(cwd: string, program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  return await new Promise<string>((resolve, reject) => {
    const options = { cwd, env: { ...process.env, ...env }, maxBuffer: 64 * 1024 * 1024 };
    execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout + stderr);
      else reject(new Error(`${program} ${args.join(" ")} failed:\n${stdout}${stderr}`));
    });
  });
}

const go = (...args: string[]) =>
  printed(client, "go", args, { GOFLAGS: "-mod=readonly", SLIPWAY_PROGRAM: JSON.stringify(programArgs()) });

describe.skipIf(!needs("go"))("the Go client", () => {
  test("is what the protos say", { timeout: 10 * minute }, async () => {
    expect(await printed(root, process.execPath, ["scripts/generate-go.js", "--check"])).not.toContain("is stale");
  });

  test("is formatted, and vet finds nothing", { timeout: 10 * minute }, async () => {
    expect(await printed(client, "gofmt", ["-l", "."])).toBe("");
    await go("vet", "./...");
  });

  test("passes its own tests, on a whole platform too", { timeout: 15 * minute }, async () => {
    const output = await go("test", "-count=1", "-v", "./...");
    expect(output).toMatch(/^ok\s+slipway\.dev\/go\/slipway/m);
    expect(output).toMatch(/^ok\s+slipway\.dev\/go\/e2e/m);
    expect(output).not.toContain("--- SKIP");
  });
});

describe("docs/clients/go.md", () => {
  const lines = (text: string) => text.replace(/^\s+/gm, "");
  const docs = readFileSync(join(root, "docs", "clients", "go.md"), "utf8");
  const blocks = [...docs.matchAll(/^```go\n(.*?)^```/gms)].map(([, block]) => block ?? "");
  const compiled = ["examples/cluster/main.go", "examples/deploy/main.go", "slipway/example_test.go"];
  const sources = compiled.map((path) => lines(readFileSync(join(client, path), "utf8")));

  test("has blocks of code", () => expect(blocks.length).toBeGreaterThan(3));

  test.each(blocks)("shows code that is compiled: %#", (block) => {
    expect(sources.filter((source) => source.includes(lines(block)))).not.toEqual([]);
  });
});
