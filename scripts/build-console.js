// The console in dist/console: plain JavaScript, on Node and Vite.
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

/** What the console is made of. */
const inputs = ["console", "gen/ts", "clients/ts/src", "package-lock.json"];
/** In the built folder: what it was made of. */
const stampName = ".built-from";
const mostTries = 10;

/**
 * Builds the console with Vite, unless it was built from the same files. It is built beside its place and then put
 * there whole: others may build at the same time, and a server reads either the old one or the new one.
 */
export function buildConsole(root, runTool) {
  if (!existsSync(join(root, "console", "index.html"))) return;
  const stamp = stampOf(root);
  const target = join(root, "dist", "console");
  if (builtFrom(target) === stamp) return;
  if (!existsSync(join(root, "node_modules", ".bin", "vite"))) {
    throw new Error("the console cannot be built: Vite is missing; npm ci --include=dev installs it");
  }
  mkdirSync(join(root, "dist"), { recursive: true });
  const scratch = mkdtempSync(join(root, "dist", ".console-"));
  try {
    process.stderr.write("building the console ...\n");
    const fresh = join(scratch, "new");
    build(fresh, runTool);
    writeFileSync(join(fresh, stampName), stamp);
    replace(target, fresh, scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function build(folder, runTool) {
  const options = ["--config", "console/vite.config.ts", "--outDir", folder, "--emptyOutDir", "--logLevel", "warn"];
  try {
    runTool("vite", ["build", ...options]);
  } catch (error) {
    throw new Error("the console could not be built; Vite says above why", { cause: error });
  }
}

/** Puts a folder in the place of another; whoever does so at the same moment gets out of the way in turn. */
function replace(target, fresh, scratch) {
  for (let tries = 1; ; tries += 1) {
    try {
      if (existsSync(target)) renameSync(target, join(scratch, `old-${tries}`));
    } catch (error) {
      if (error.code !== "ENOENT") throw error;
    }
    try {
      renameSync(fresh, target);
      return;
    } catch (error) {
      // Somebody else was quicker.
      if (tries === mostTries || !["ENOTEMPTY", "EEXIST", "EPERM"].includes(error.code)) throw error;
    }
  }
}

function builtFrom(folder) {
  try {
    return readFileSync(join(folder, stampName), "utf8");
  } catch {
    return undefined;
  }
}

/** A digest of the names and contents of all that the console is made of; tests are no part of it. */
function stampOf(root) {
  const digest = createHash("sha256");
  for (const input of inputs) {
    for (const name of filesIn(root, input)) {
      const content = createHash("sha256")
        .update(readFileSync(join(root, name)))
        .digest("hex");
      digest.update(`${name} ${content}\n`);
    }
  }
  return digest.digest("hex");
}

/** The files in a folder and below it, or the file itself, in an order that is always the same. */
function filesIn(root, path) {
  const stats = statSync(join(root, path), { throwIfNoEntry: false });
  if (stats?.isFile()) return [path];
  const names = stats === undefined ? [] : readdirSync(join(root, path), { withFileTypes: true });
  return names
    .filter(({ name }) => !/^(node_modules|test|\..*)$|\.test\.tsx?$/.test(name))
    .map((entry) => ({ path: `${path}/${entry.name}`, isFolder: entry.isDirectory() }))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .flatMap((entry) => (entry.isFolder ? filesIn(root, entry.path) : [entry.path]));
}
