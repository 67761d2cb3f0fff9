import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { packageRoot } from "../../../src/root.js";
import { programArgs, testProcesses } from "../../support/process.js";

/** A folder that looks like a checkout in which `npm start` runs. */
export interface Checkout {
  readonly folder: string;
  /** Where the scripts of the shell are kept. */
  readonly scripts: string;
  /** A script of a document, with free ports in the place of those of servers, 8080 of the platform first of all. */
  rewritten(script: string): string;
  readonly env: NodeJS.ProcessEnv;
  close(): Promise<void>;
}

/** Whether the platform runs in it, and with which settings beside the usual ones. */
export interface CheckoutOptions {
  readonly server: boolean;
  readonly serverEnv?: NodeJS.ProcessEnv;
}

/** What is not in a fresh checkout, or belongs to this one alone. */
const own = new Set([".git", ".slipway", ".cache", ".kube"]);

/** Ports of servers in documents: that of `npm start`, and those that documents start themselves. */
const documentedPorts = ["8080", "8090", "8091", "8092", "8443"];

/** How many times faster than usual simulated clusters come and go here. */
const timeScale = "10";

/** Makes such a folder, and starts the platform in it as `npm start -- --time-scale 10` does, on a free port. */
export async function openCheckout(options: CheckoutOptions): Promise<Checkout> {
  const base = await mkdtemp(join(tmpdir(), "slipway-docs-"));
  const folder = join(base, "slipway");
  const scripts = join(base, "scripts");
  const bin = join(base, "bin");
  const home = join(base, "home");
  for (const each of [folder, scripts, bin, home]) await mkdir(each);
  for (const name of await readdir(packageRoot())) {
    if (!own.has(name)) await symlink(join(packageRoot(), name), join(folder, name));
  }
  const program = shippedProgram();
  await writeProgram(join(bin, "slipway"), program);
  const processes = testProcesses();
  const close = async () => {
    await processes.killAll();
    await rm(base, { recursive: true, force: true, maxRetries: 5 });
  };
  const ports = new Map<string, string>();
  for (const port of documentedPorts) ports.set(port, String(await freePort()));
  if (options.server) {
    const server = processes.node(
      [...program, "dev", "--listen", "127.0.0.1:0", "--data-dir", join(folder, ".slipway"), "--time-scale", timeScale],
      { HOME: home, SLIPWAY_METRICS_LISTEN: "127.0.0.1:0", SLIPWAY_LOG_LEVEL: "warn", ...options.serverEnv },
    );
    try {
      ports.set("8080", await startedAt(folder, server.exit));
    } catch (error) {
      await close();
      throw new Error(`${String(error)}\n${server.stderr}`);
    }
  }
  return {
    folder,
    scripts,
    rewritten: (script) => script.replaceAll(/(?<=127\.0\.0\.1:)\d{4}\b/g, (port) => ports.get(port) ?? port),
    // Nothing of the tester's own: neither clusters nor databases nor sign-ins.
    env: { PATH: `${bin}${delimiter}${process.env.PATH}`, HOME: home, LANG: "C.UTF-8", TERM: "dumb", NO_COLOR: "1" },
    close,
  };
}

/** What readers run: the compiled program. Only where nothing is compiled it is run from its sources. */
function shippedProgram(): string[] {
  const isBuilt = existsSync(join(packageRoot(), "dist", "src", "main.js"));
  return isBuilt ? [join(packageRoot(), "bin", "slipway.js")] : programArgs();
}

async function writeProgram(path: string, args: readonly string[]): Promise<void> {
  const words = [process.execPath, ...args].map((word) => `'${word}'`).join(" ");
  await writeFile(path, `#!/bin/sh\nexec ${words} "$@"\n`);
  await chmod(path, 0o755);
}

/** The port at which it serves, once it is ready. */
async function startedAt(folder: string, exit: Promise<unknown>): Promise<string> {
  let ended = false;
  void exit.then(() => {
    ended = true;
  });
  for (const deadline = Date.now() + 300_000; Date.now() < deadline && !ended; ) {
    const url = await readFile(join(folder, ".slipway", "dev.json"), "utf8").then(
      (text): string => JSON.parse(text).url,
      () => "",
    );
    if (url !== "" && (await isReady(url))) return new URL(url).port;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(ended ? "slipway dev has ended" : "slipway dev is not ready after five minutes");
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("a server on a port has an address");
  return address.port;
}

function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) }).then(
    ({ ok }) => ok,
    () => false,
  );
}
