// npm test: installs what is missing, then runs every check and every test. With arguments it runs only those tests.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { delimiter, join } from "node:path";
import { demandNode, ensureBuilt, ensureInstalled, root } from "./ensure.js";

demandNode();
ensureInstalled();
ensureBuilt();

const only = process.argv.slice(2);
const bin = (name) => join(root, "node_modules", ".bin", name);
const checks = [
  ["the contract", bin("tsx"), ["scripts/check-contract.ts"]],
  ["formatting and lint", bin("biome"), ["check", "--error-on-warnings", "."]],
  ["types", bin("tsc"), ["--noEmit", "-p", "."]],
  ["types of the console", bin("tsc"), ["--noEmit", "-p", "console"]],
];
let failedChecks = 0;
for (const [name, command, args] of only.length > 0 ? [] : checks) {
  const passed = run(command, args);
  if (!passed) failedChecks += 1;
  process.stdout.write(`${passed ? "passed" : "FAILED"}: ${name}\n`);
}

const [report, flaky] = ["test-report.json", "flaky-tests.json"].map((name) => join(root, ".cache", name));
for (const file of [report, flaky]) rmSync(file, { force: true });
// Of thousands of tests on a busy machine one may fail by chance. It is tried once more, and told of in any case.
const testsPassed = run(bin("vitest"), ["run", "--retry=1", ...only]);
if (!existsSync(report)) {
  process.stdout.write("the tests did not run\n");
  process.exit(1);
}
const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(report, "utf8"));
const ran = only.length > 0 ? 0 : checks.length;
const failed = numFailedTests + failedChecks;
// A file that cannot be loaded fails without a failed test.
const unloaded = !testsPassed && numFailedTests === 0 ? 1 : 0;
for (const name of existsSync(flaky) ? JSON.parse(readFileSync(flaky, "utf8")) : []) {
  process.stdout.write(`passed only on the second try, which is a fault to be found: ${name}\n`);
}
if (numPendingTests > 0) process.stdout.write(`${numPendingTests} skipped: see the warnings above\n`);
process.stdout.write(`${numPassedTests + ran - failedChecks} passed, ${failed + unloaded} failed\n`);
process.exit(failed + unloaded > 0 ? 1 : 0);

function run(command, args) {
  const env = { ...process.env, PATH: `${join(root, "node_modules", ".bin")}${delimiter}${process.env.PATH}` };
  return spawnSync(command, args, { cwd: root, stdio: ["ignore", 1, 2], env }).status === 0;
}
