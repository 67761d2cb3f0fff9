// npm start: installs and compiles what is missing, then runs `slipway dev` with the given arguments.

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { demandNode, ensureBuilt, ensureInstalled, root } from "./ensure.js";

demandNode();
ensureInstalled();
ensureBuilt();
process.argv = [process.argv[0], "slipway", "dev", ...process.argv.slice(2)];
await import(pathToFileURL(join(root, "dist", "program", "main.js")).href);
