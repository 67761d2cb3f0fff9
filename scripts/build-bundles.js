// What Vite builds from what is here, in dist: plain JavaScript, on Node and Vite.
import { createHash } from "node:crypto";
import {
  chmodSync,
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

/** Each bundle is built into dist/NAME; what it is made of, and the configuration of Vite that says how. */
const bundles = [
  {
    name: "console",
    config: "console/vite.config.ts",
    inputs: ["console", "gen/ts", "clients/ts/src", "package-lock.json"],
  },
  {
    name: "program",
    config: "cli/vite.config.ts",
    inputs: ["cli", "gen/ts", "clients/ts/src", "src/main.ts", "src/commands/operator.ts", "package-lock.json"],
  },
];
/** In the built folder: what it was made of. */
const stampName = ".built-from";
const mostTries = 10;

/** Builds what was not built from the same files: the console, and the program with its commands for users. */
export function buildBundles(root, runTool) {
  for (const bundle of bundles) buildBundle(root, bundle, runTool);
}

/**
 * Builds a bundle beside its place and then puts it there whole: others may build at the same time, and a program reads
 * either the old one or the new one.
 */
function buildBundle(root, { name, config, inputs }, runTool) {
  if (!existsSync(join(root, config))) return;
  const stamp = stampOf(root, inputs);
  const target = join(root, "dist", name);
  if (builtFrom(target) === stamp) return;
  if (!existsSync(join(root, "node_modules", ".bin", "vite"))) {
    throw new Error(`the ${name} cannot be built: Vite is missing; npm ci --include=dev installs it`);
  }
  mkdirSync(join(root, "dist"), { recursive: true });
  // As deep as its place: it may name what lies beside it.
  const fresh = mkdtempSync(join(root, "dist", `.${name}-`));
  const old = mkdtempSync(join(root, "dist", `.${name}-`));
  try {
    process.stderr.write(`building the ${name} ...\n`);
    build(name, config, fresh, runTool);
    // Servers may run as another user.
    chmodSync(fresh, 0o755);
    writeFileSync(join(fresh, stampName), stamp);
    replace(target, fresh, old);
  } finally {
    for (const folder of [fresh, old]) rmSync(folder, { recursive: true, force: true });
  }
}

function build(name, config, folder, runTool) {
  const options = ["--config", config, "--outDir", folder, "--emptyOutDir", "--logLevel", "warn"];
  try {
    runTool("vite", ["build", ...options]);
  } catch (error) {
    throw new Error(`the ${name} could not be built; Vite says above why`, { cause: error });
  }
}

/** Puts a folder in the place of another; whoever does so at the same moment gets out of the way in turn. */
function replace(target, fresh, old) {
  for (let tries = 1; ; tries += 1) {
    try {
      if (existsSync(target)) renameSync(target, join(old, String(tries)));
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

/** A digest of the names and contents of all that a bundle is made of; tests are no part of it. */
function stampOf(root, inputs) {
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
