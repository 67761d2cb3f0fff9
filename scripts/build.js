// npm run build: compiles src to dist.
import { demandNode, ensureBuilt, ensureInstalled } from "./ensure.js";

demandNode();
ensureInstalled();
ensureBuilt();
