import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packageRoot } from "../../src/root.js";
import { type TestProcesses, testProcesses } from "../support/process.js";

let processes: TestProcesses;
let copy: string;

/** A copy whose dependencies count as installed: the start must neither install here nor compile over what other tests run. */
beforeAll(async () => {
  processes = testProcesses();
  copy = await mkdtemp(join(tmpdir(), "slipway-copy-"));
  const root = packageRoot();
  const parts = [
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "tsconfig.build.json",
    "scripts",
    "src",
    "gen/ts",
    "cli",
    "clients/ts/src",
    "dist",
  ];
  for (const part of parts) await cp(join(root, part), join(copy, part), { recursive: true, preserveTimestamps: true });
  const modules = join(copy, "node_modules");
  await mkdir(modules);
  for (const name of await readdir(join(root, "node_modules"))) {
    if (name !== ".slipway-installed") await symlink(join(root, "node_modules", name), join(modules, name));
  }
  const lock = await readFile(join(copy, "package-lock.json"));
  await writeFile(join(modules, ".slipway-installed"), createHash("sha256").update(lock).digest("hex"));
});
afterAll(async () => {
  await processes?.killAll();
  await rm(copy, { recursive: true, force: true });
});

test("npm start compiles, and passes its arguments on to slipway dev", async () => {
  const script = join(copy, "scripts", "start.js");
  const help = processes.node([script, "--help"]);
  expect(await help.exit).toEqual({ code: 0, signal: null });
  expect(help.stdout).toMatch(/^Usage: slipway dev \[options\]/);
  expect(help.stderr).not.toContain("installing");
  const refused = processes.node([script, "--listen", "127.0.0.1:0", "--time-scale", "-1"]);
  expect(await refused.exit).toEqual({ code: 2, signal: null });
  expect(refused.stderr).toContain("option '--time-scale <n>' argument '-1' is invalid");
}, 180_000);
