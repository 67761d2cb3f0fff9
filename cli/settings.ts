import { existsSync } from "node:fs";
import { type ConfigFile, type Context, configPath, readConfig } from "./config-file.js";
import { Failure } from "./failure.js";
import { type GlobalFlags, url as parseUrl } from "./flags.js";
import { nearest } from "./nearest.js";

/** Which server a command calls, as whom, and about which project. */
export interface Settings {
  readonly url: string;
  /** As it was given: a name, TENANT/NAME or a uuid. */
  readonly project: string | undefined;
  readonly caFile: string | undefined;
  /** A token that was given for this command, or that the context keeps. */
  readonly token: string | undefined;
  /** The context in use, if its credentials may be sent to `url`. */
  readonly context: Context | undefined;
}

/** Where `slipway dev` writes how to sign in, below the working directory. */
export const devFile = ".slipway/dev.json";

/** Flags come before the environment, and the environment before the context; a context that a flag names comes before the environment. */
export async function readSettings(flags: GlobalFlags, env: NodeJS.ProcessEnv = process.env): Promise<Settings> {
  const context = await chosenContext(flags, env);
  const envs = fromEnvironment(env);
  const isNamed = flags.context !== undefined;
  const url = flags.url ?? (isNamed ? context?.url : undefined) ?? envs.url ?? context?.url;
  if (url === undefined) throw noServer();
  // What a context keeps belongs to its server: it is never sent to another.
  const own = context !== undefined && sameServer(context.url, url) ? context : undefined;
  const first = isNamed ? own : undefined;
  const hasCredentials = first?.token !== undefined || first?.session !== undefined;
  return {
    url,
    project: flags.project ?? first?.project ?? envs.project ?? own?.project,
    caFile: flags.caFile ?? first?.caFile ?? envs.caFile ?? own?.caFile,
    token: hasCredentials ? first?.token : (envs.token ?? own?.token),
    context: own !== undefined && (hasCredentials || envs.token === undefined) ? own : undefined,
  };
}

/** The context of a name; a failure that names the others when there is none. */
export function contextNamed(config: ConfigFile, name: string): Context {
  const found = config.contexts.find((context) => context.name === name);
  if (found !== undefined) return found;
  const names = config.contexts.map((context) => context.name);
  const near = nearest(name, names);
  throw new Failure("missing", `there is no context "${name}"`, [
    ...(near === undefined ? [] : [`Did you mean ${near}?`]),
    names.length === 0 ? "There is none yet: run slipway login --url URL." : `There are: ${names.join(", ")}.`,
  ]);
}

/** The name of the context that a command uses; undefined when there is none. */
export function chosenName(config: ConfigFile, flags: GlobalFlags, env: NodeJS.ProcessEnv): string | undefined {
  return flags.context ?? (env.SLIPWAY_CONTEXT || undefined) ?? config.current;
}

async function chosenContext(flags: GlobalFlags, env: NodeJS.ProcessEnv): Promise<Context | undefined> {
  const config = await readConfig(configPath(env));
  const name = chosenName(config, flags, env);
  return name === undefined ? undefined : contextNamed(config, name);
}

function fromEnvironment(env: NodeJS.ProcessEnv) {
  const text = (name: string): string | undefined => env[name]?.trim() || undefined;
  const given = text("SLIPWAY_URL");
  let url: string | undefined;
  try {
    url = given === undefined ? undefined : parseUrl(given);
  } catch (error) {
    throw new Failure("usage", `SLIPWAY_URL: ${error instanceof Error ? error.message : String(error)}`);
  }
  return { url, token: text("SLIPWAY_TOKEN"), project: text("SLIPWAY_PROJECT"), caFile: text("SLIPWAY_CA_FILE") };
}

function noServer(): Failure {
  const isDev = existsSync(devFile);
  return new Failure("usage", "no server is chosen", [
    ...(isDev ? ["For the server of npm start in this folder: slipway login --dev"] : []),
    "Sign in with slipway login --url URL, or set SLIPWAY_URL and SLIPWAY_TOKEN.",
    ...(isDev ? [] : ["For a server on this machine: npm start, and in the same folder slipway login --dev"]),
  ]);
}

/** Whether two URLs lead to the same server and path. */
export function sameServer(one: string, other: string): boolean {
  const normal = (text: string): string => new URL(text).href.replace(/\/+$/, "");
  return normal(one) === normal(other);
}
