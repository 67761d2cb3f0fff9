// npm run generate:go: writes the Go client's messages and services to gen/go; with --check it only tells what is stale.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root, runTool } from "./ensure.js";

const target = join(root, "gen", "go");
const temporary = mkdtempSync(join(tmpdir(), "slipway-go-"));

try {
  runTool("buf", ["generate", "--template", "buf.gen.go.yaml", "--output", temporary]);
  const fresh = join(temporary, "gen", "go");
  if (process.argv.includes("--check")) check(fresh);
  else write(fresh);
} finally {
  rmSync(temporary, { recursive: true, force: true });
}

/** Puts fresh files into place, and removes generated ones whose proto is gone; what people wrote stays. */
function write(fresh) {
  const wanted = new Set(generatedIn(fresh));
  for (const path of generatedIn(target)) {
    if (!wanted.has(path)) rmSync(join(target, path));
  }
  cpSync(fresh, target, { recursive: true });
}

/** Names each generated file that a fresh generation would add, change or remove. */
function check(fresh) {
  const [wanted, found] = [new Set(generatedIn(fresh)), new Set(generatedIn(target))];
  const isStale = (path) =>
    !wanted.has(path) || !found.has(path) || !readFileSync(join(fresh, path)).equals(readFileSync(join(target, path)));
  const stale = [...new Set([...wanted, ...found])].filter(isStale).sort();
  for (const path of stale) process.stderr.write(`gen/go/${path} is stale: run npm run generate:go\n`);
  if (stale.length > 0) process.exitCode = 1;
}

function generatedIn(directory) {
  return readdirSync(directory, { recursive: true }).filter((path) => /\.(pb|connect)\.go$/.test(path));
}
