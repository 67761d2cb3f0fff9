// What the server loads before it can do anything, and which packages take most of it.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type BenchRun, figure } from "./measure.js";
import { root } from "./processes.js";
import { startServer } from "./servers.js";

const mostPackages = 10;
const mostTried = 30;

interface Import {
  /** Processor time, in ms. */
  readonly cpuMs: number;
  /** Growth of the resident memory, in MB of 10^6 bytes. */
  readonly mb: number;
  /** The URLs of what was loaded, in order, where they were asked for. */
  readonly modules: readonly string[];
}

/**
 * Reports what it costs to load all that `slipway serve` and `slipway dev` begin with, and the ten packages that cost
 * most, each alone in a process of its own: what they share counts for each of them, so that they are more than the sum.
 */
export async function startModules(run: BenchRun): Promise<void> {
  for (const command of ["serve", "dev"]) {
    const url = pathToFileURL(join(root, "dist", "src", "commands", `${command}.js`)).href;
    const { cpuMs, mb } = await importAlone(run, url);
    const { modules } = await importAlone(run, url, true);
    run.report(figure(`start.import.${command}`, "ms CPU", cpuMs));
    run.report(figure(`start.import.${command}.memory`, "MB", mb));
    run.report(figure(`start.import.${command}.modules`, "modules", modules.length));
    if (command === "serve") await reportPackages(run, modules);
  }
}

async function reportPackages(run: BenchRun, modules: readonly string[]): Promise<void> {
  const packages = new Map<string, string[]>();
  for (const url of modules) {
    const name = packageOf(url);
    if (name !== "") packages.set(name, [...(packages.get(name) ?? []), url]);
  }
  const largest = [...packages].sort(([, a], [, b]) => b.length - a.length).slice(0, run.short ? 3 : mostTried);
  const costs: { name: string; cost: Import }[] = [];
  for (const [name, [entry = ""]] of largest) {
    // Some expect others to be loaded before them: nobody can say what those cost alone.
    const cost = await importAlone(run, entry).catch(() => undefined);
    if (cost !== undefined) costs.push({ name, cost });
  }
  costs.sort((a, b) => b.cost.cpuMs - a.cost.cpuMs);
  for (const { name, cost } of costs.slice(0, mostPackages)) {
    run.report(figure(`start.import.${name}`, "ms CPU", cost.cpuMs));
    run.report(figure(`start.import.${name}.memory`, "MB", cost.mb));
  }
}

/** The package that a module belongs to; "" for those of the program itself. */
function packageOf(url: string): string {
  return /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? "";
}

async function importAlone(run: BenchRun, url: string, list = false): Promise<Import> {
  const { ready, stop } = await startServer<Import>(run, "servers/imports", { url, list });
  await stop();
  return ready;
}
