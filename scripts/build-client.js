// npm run build:client: the package @slipway/client, ready for `npm pack` in dist/client.
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { demandNode, ensureInstalled, root, runTool } from "./ensure.js";

demandNode();
ensureInstalled();
const from = join(root, "clients", "ts");
const out = join(root, "dist", "client");
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
runTool("tsc", ["-p", join(from, "tsconfig.json")]);
runTool("tsc", ["-p", join(from, "tsconfig.gen.json")]);
for (const name of ["package.json", "README.md"]) copyFileSync(join(from, name), join(out, name));
copyFileSync(join(root, "LICENSE"), join(out, "LICENSE"));
process.stderr.write(`built ${out}\n`);
