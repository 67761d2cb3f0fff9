// Checks everything about the contract that needs no running server.
import { breakingChanges } from "./breaking-changes.js";
import { staleGeneratedCode } from "./generated-code.js";
import { buf, type Run, root } from "./run.js";
import { staleVendoredFiles } from "./vendored-files.js";

const compatibility = breakingChanges(root);

const checks: [name: string, problems: readonly string[]][] = [
  ["lint", problemsOf(buf("lint"))],
  ["format", problemsOf(buf("format", "--diff", "--exit-code", "proto"))],
  ["third_party equals the npm packages", staleVendoredFiles()],
  ["gen equals a fresh generation", staleGeneratedCode()],
  [`no breaking change against ${compatibility.against}`, compatibility.problems],
];

for (const [name, problems] of checks) {
  console.log(`${problems.length === 0 ? "ok    " : "FAILED"} ${name}`);
  for (const problem of problems) console.log(`       ${problem}`);
}
process.exitCode = checks.every(([, problems]) => problems.length === 0) ? 0 : 1;

function problemsOf({ ok, text }: Run): string[] {
  return ok ? [] : text.split("\n");
}
