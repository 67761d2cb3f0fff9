import { resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import type { Logger } from "pino";
import type { Config } from "../config.js";
import type { RunningDev } from "./dev.js";
import type { Running } from "./run.js";

/** Adds the commands of those who run the platform. What they need is loaded when they run. */
export function addOperatorCommands(program: Command): void {
  program.commandsGroup("Running the platform");
  addProcesses(program);
  addTokens(program);
  addKeys(program);
}

function addProcesses(program: Command): void {
  program
    .command("dev")
    .description("run the whole platform in this process, with its own database and a simulated Kubernetes")
    .option("--listen <address>", "where to serve the API, as HOST:PORT", listenAddress)
    .option("--data-dir <dir>", "where to keep everything", ".slipway")
    .option("--time-scale <n>", "make simulated clusters come and go N times faster", positive, 1)
    .action(operate(runDev));
  program
    .command("serve")
    .description("serve the API, on PostgreSQL (DATABASE_URL) and Kubernetes (KUBECONFIG)")
    .option("--processes <n>", "how many processes answer calls on the one port, 1 to 128", processes)
    .action(operate(runServe));
  program
    .command("worker")
    .description("carry out what the API has accepted, and follow Kubernetes")
    .action(
      operate(async () => {
        const config = await readConfig();
        const { work } = await import("./work.js");
        await runUntilSignal(config, (log) => work(config, log));
      }),
    );
  program
    .command("migrate")
    .description("bring the schema of the database up to date")
    .action(
      operate(async () => {
        const config = await readConfig();
        const { migrateDatabase } = await import("./migrate.js");
        await migrateDatabase(config, await logTo(config));
      }),
    );
}

/** The processes of a server run this, too, and are told apart in there. */
async function runServe({ processes }: { readonly processes?: number }): Promise<void> {
  const more = processes === undefined ? {} : { SLIPWAY_PROCESSES: String(processes) };
  const config = await readConfig({ ...process.env, ...more });
  if (config.processes > 1) return await (await import("./serve-processes.js")).runServeProcesses(config, process.env);
  const { serveAlone } = await import("./serve.js");
  await runUntilSignal(config, (log) => serveAlone(config, log));
}

interface DevFlags {
  readonly listen?: string;
  readonly dataDir: string;
  readonly timeScale: number;
}

async function runDev(options: DevFlags): Promise<void> {
  const { listen } = options;
  const config = await readConfig({
    ...process.env,
    // Who tries the console has no identity provider at hand.
    SLIPWAY_PASSWORD_SIGN_IN: process.env.SLIPWAY_PASSWORD_SIGN_IN || "on",
    ...(listen === undefined ? {} : { SLIPWAY_LISTEN: listen }),
  });
  if (config.processes > 1) {
    throw new Error("SLIPWAY_PROCESSES is for slipway serve: slipway dev is one process, as its database is in it");
  }
  const { dev } = await import("./dev.js");
  await runUntilSignal(config, async (log) => {
    const running = await dev(config, log, options);
    process.stdout.write(welcome(running, resolve(options.dataDir, "dev.json"), config.console));
    return running;
  });
}

interface TokenFlags {
  readonly user: string;
  readonly admin?: "editor" | "viewer";
  readonly description: string;
  readonly expires: number;
}

function addTokens(program: Command): void {
  program
    .command("issue-token")
    .description("make a user's API token straight in the database, and print its secret; with --admin, an operator's")
    .requiredOption("--user <login>", "whose token it is; made when new, with a tenant", login)
    .option("--admin <role>", "editor or viewer: make the user an operator", adminRole)
    .option("--description <text>", "what the token is for", "made by slipway issue-token")
    .option("--expires <seconds>", "its lifetime, 600 to 31536000", lifetime, 28_800)
    .action(
      operate(async (options: TokenFlags) => {
        const config = await readConfig();
        const { createOperatorToken } = await import("./token.js");
        const secret = await createOperatorToken(config, await logTo(config), { ...options, admin: options.admin });
        process.stdout.write(`${secret}\n`);
      }),
    );
}

function addKeys(program: Command): void {
  const keys = program.command("keys").description("the keys that sign tokens, and the seals of stored secrets");
  keys
    .command("list")
    .description("print the keys: id, made, signs from, state")
    .action(
      operate(async () => {
        const config = await readConfig();
        const { listKeys } = await import("./keys.js");
        process.stdout.write(await listKeys(config, await logTo(config)));
      }),
    );
  keys
    .command("rotate")
    .description("make a new key, publish it, let it sign from then on, and print its id")
    .option("--publish-first <seconds>", "how long it is published before it signs, 0 to 604800", publishFirst, 300)
    .action(
      operate(async (options: { publishFirst: number }) => {
        const config = await readConfig();
        const { rotateKeys } = await import("./keys.js");
        process.stdout.write(await rotateKeys(config, await logTo(config), options.publishFirst));
      }),
    );
  keys
    .command("remove")
    .description("remove a key that no token needs any more")
    .argument("<kid>", "the key's id, as slipway keys list prints it")
    .option("--force", "remove it in any case, which ends its tokens at once", false)
    .action(
      operate(async (kid: string, options: { force: boolean }) => {
        const config = await readConfig();
        const { removeKey } = await import("./keys.js");
        await removeKey(config, await logTo(config), kid, options.force);
      }),
    );
  keys
    .command("reseal")
    .description("encrypt every stored secret with the newest key of SLIPWAY_KEYRING")
    .action(
      operate(async () => {
        const config = await readConfig();
        const { resealSecrets } = await import("./keys.js");
        await resealSecrets(config, await logTo(config), (line) => void process.stdout.write(line));
      }),
    );
}

/** An action whose failure is said in one line, without the values of queries, and ends the program with 1. */
function operate<A extends readonly unknown[]>(action: (...args: A) => Promise<void>): (...args: A) => Promise<void> {
  return async (...args) => {
    try {
      await action(...args);
    } catch (error) {
      const { withoutValues } = await import("../db/errors.js");
      const clean = withoutValues(error);
      process.stderr.write(`slipway: ${clean instanceof Error ? clean.message : String(clean)}\n`);
      process.exitCode = 1;
    }
  };
}

async function readConfig(env: NodeJS.ProcessEnv = process.env): Promise<Config> {
  return (await import("../config.js")).loadConfig(env);
}

async function logTo(config: Config): Promise<Logger> {
  return (await import("./log.js")).openLog(config);
}

async function runUntilSignal(config: Config, start: (log: Logger) => Promise<Running>): Promise<void> {
  await (await import("./run.js")).runUntilSignal(config, start);
}

function welcome({ info }: RunningDev, file: string, hasConsole: boolean): string {
  const create = JSON.stringify({ project: info.project, name: "first" });
  return `
Slipway serves at ${info.url}. Everything to sign in with is in ${file}.
${hasConsole ? welcomeToConsole(info, file) : ""}
Try:

  TOKEN=$(node -p 'require("${file}").tokens.owner')
  curl -s -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' \\
    -d '${create}' ${info.url}/api.v1.ClusterService/Create
  kubectl --kubeconfig ${info.kubeconfig} get shoots -A --watch

docs/deployments.md shows how to deploy an image or a chart, on that Kubernetes or in the new cluster.

`;
}

function welcomeToConsole({ url, console: account }: RunningDev["info"], file: string): string {
  if (account === undefined) return `\nThe console is at ${url}; sign in by an identity provider.\n`;
  return `
The console is at ${url}. Sign in as ${account.user}, with the password that this prints:
  node -p 'require("${file}").console.password'
`;
}

function listenAddress(text: string): string {
  // Whether it can be listened on shows when it is tried.
  if (/^(?:\[[0-9a-fA-F:.]+\]|[^:[\]\s]+):\d{1,5}$/.test(text) && Number(text.split(":").at(-1)) <= 65_535) return text;
  throw new InvalidArgumentError("It must be HOST:PORT, as in 127.0.0.1:8080.");
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 100_000)) throw new InvalidArgumentError("It must be a number above 0, at most 100000.");
  return value;
}

function processes(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 128) {
    throw new InvalidArgumentError("It must be a whole number from 1 to 128.");
  }
  return value;
}

function lifetime(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 600 || value > 31_536_000) {
    throw new InvalidArgumentError("It must be a whole number from 600 to 31536000.");
  }
  return value;
}

function publishFirst(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isInteger(value) || value < 0 || value > 604_800) {
    throw new InvalidArgumentError("It must be a whole number from 0 to 604800.");
  }
  return value;
}

function login(text: string): string {
  if (!/^[a-z0-9](?:[a-z0-9@._-]{0,62}[a-z0-9])?$/i.test(text)) {
    throw new InvalidArgumentError("It must be at most 64 letters, digits and the signs @ . _ - between them.");
  }
  return text;
}

function adminRole(text: string): string {
  if (text !== "editor" && text !== "viewer") throw new InvalidArgumentError("It must be editor or viewer.");
  return text;
}
