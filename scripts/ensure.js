// What must be there before anything else runs: plain JavaScript, on Node alone.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildBundles } from "./build-bundles.js";

/** The folder of the package. */
export const root = join(dirname(fileURLToPath(import.meta.url)), "..");

const oldest = [20, 19];

/** Ends the process with a message where Node is too old. */
export function demandNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) return;
  process.stderr.write(`Slipway needs Node ${oldest.join(".")} or newer; this is ${process.versions.node}\n`);
  process.exit(1);
}

/** Installs the dependencies, unless those of the present lock file are there. */
export function ensureInstalled() {
  const stamp = join(root, "node_modules", ".slipway-installed");
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  process.stderr.write("installing dependencies ...\n");
  run("npm", ["ci", "--include=dev", "--no-audit", "--no-fund"]);
  writeFileSync(stamp, lock);
}

/** Compiles src to dist and builds the console; what has not changed is not built again. */
export function ensureBuilt() {
  runTool("tsc", ["-p", "tsconfig.build.json"]);
  mkdirSync(join(root, "dist"), { recursive: true });
  writeFileSync(join(root, "dist", "build.json"), `${JSON.stringify(commit(), null, 2)}\n`);
  try {
    buildBundles(root, runTool);
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

/** Runs a tool that npm has installed; throws when it fails. */
export function runTool(name, args, options = {}) {
  run(join(root, "node_modules", ".bin", name), args, options);
}

function run(command, args, options = {}) {
  execFileSync(command, args, {
    cwd: root,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
    ...options,
  });
}

/** Which commit is compiled; empty outside of a clone. */
function commit() {
  const git = (...args) => {
    try {
      return execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    } catch {
      return "";
    }
  };
  return {
    revision: git("describe", "--tags", "--always", "--dirty"),
    gitSha1: git("rev-parse", "HEAD"),
    buildDate: git("log", "-1", "--format=%cI"),
  };
}
