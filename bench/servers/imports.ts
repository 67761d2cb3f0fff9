// Imports a module in a process that has done nothing else, and tells what that took.
import { createRequire, register } from "node:module";
import { MessageChannel } from "node:worker_threads";

const { url, list } = JSON.parse(process.argv[2] ?? "") as { url: string; list: boolean };
const modules: string[] = [];

/** Notes every module that is loaded from now on. Takes time by itself. */
function noteModules(): void {
  const { port1, port2 } = new MessageChannel();
  port1.on("message", (module: string) => modules.push(module)).unref();
  const hooks = `
    let port;
    export function initialize(given) { port = given; }
    export function load(url, context, next) { port.postMessage(url); return next(url, context); }`;
  register(`data:text/javascript,${encodeURIComponent(hooks)}`, { data: port2, transferList: [port2] });
}

if (list) noteModules();
const memory = process.memoryUsage.rss();
const cpu = process.cpuUsage();
await import(url);
const { user, system } = process.cpuUsage(cpu);
const mb = (process.memoryUsage.rss() - memory) / 1e6;
// What came by require is in its cache alone.
const required = Object.keys(createRequire(import.meta.url).cache).map((path) => `file://${path}`);
setImmediate(() => process.send?.({ cpuMs: (user + system) / 1_000, mb, modules: [...modules, ...required] }));
process.once("disconnect", () => process.exit());
