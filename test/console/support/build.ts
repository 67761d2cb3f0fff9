import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { packageRoot } from "../../../src/root.js";

/** Where the console is built to. */
export const built = join(packageRoot(), "dist", "console");

const script = `
  import { buildBundles } from "./scripts/build-bundles.js";
  import { root, runTool } from "./scripts/ensure.js";
  buildBundles(root, runTool);
`;

/** Builds the console as npm run build does, unless it is built from its present sources. */
export function ensureConsole(): void {
  // Vitest says "test", with which React would be built for tests.
  const env = { ...process.env, NODE_ENV: "production" };
  const args = ["--input-type=module", "--eval", script];
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: packageRoot(), encoding: "utf8", env });
  if (status !== 0) throw new Error(`the console cannot be built:\n${stderr}`);
}
