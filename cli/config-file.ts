import { homedir } from "node:os";
import { join } from "node:path";
import { Failure } from "./failure.js";
import { readIfThere, writeSecretFile } from "./files.js";
import { withLock } from "./lock.js";

/** A session of a user who signed in: an access token, and how to come to the next. */
export interface StoredSession {
  readonly accessToken: string;
  /** ISO 8601, as all times here. */
  readonly expiresAt: string;
  readonly refreshToken: string;
  readonly sessionExpiresAt?: string;
  readonly user?: string;
}

/** A server with what is needed to call it, under a name. */
export interface Context {
  readonly name: string;
  readonly url: string;
  readonly project?: string;
  readonly caFile?: string;
  /** An API token or key. */
  readonly token?: string;
  readonly session?: StoredSession;
}

/** What the configuration file holds. */
export interface ConfigFile {
  readonly current?: string;
  readonly contexts: readonly Context[];
}

/** Where the configuration is: SLIPWAY_CONFIG, or slipway/config.yaml below XDG_CONFIG_HOME. */
export function configPath(env: NodeJS.ProcessEnv = process.env): string {
  if (env.SLIPWAY_CONFIG) return env.SLIPWAY_CONFIG;
  return join(env.XDG_CONFIG_HOME || join(homedir(), ".config"), "slipway", "config.yaml");
}

/** Reads the configuration; one without contexts when there is no file. */
export async function readConfig(path = configPath()): Promise<ConfigFile> {
  const text = await readIfThere(path);
  if (text === undefined || text.trim() === "") return { contexts: [] };
  try {
    return checked(await parseConfig(text));
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new Failure("general", `${path} cannot be read: ${reason}`, [
      "Mend it, or move it away and sign in again with slipway login.",
    ]);
  }
}

/** Changes the configuration while nobody else does; what `change` answers is written. */
export async function changeConfig(
  change: (config: ConfigFile) => ConfigFile | Promise<ConfigFile>,
  path = configPath(),
): Promise<ConfigFile> {
  return await withLock(path, async () => {
    const before = await readConfig(path);
    const after = await change(before);
    if (after === before) return after;
    // JSON is YAML, too, and is read without loading a parser of YAML: every command begins with that.
    await writeSecretFile(path, `${JSON.stringify(after, null, 2)}\n`);
    return after;
  });
}

/** The configuration with a context put in place of the one of its name, or added. */
export function withContext(config: ConfigFile, context: Context): ConfigFile {
  const at = config.contexts.findIndex(({ name }) => name === context.name);
  if (at < 0) return { ...config, contexts: [...config.contexts, context] };
  return { ...config, contexts: config.contexts.with(at, context) };
}

/** What people have written is YAML; what is written here is that part of it which is JSON. */
async function parseConfig(text: string): Promise<unknown> {
  if (text.startsWith("{")) {
    try {
      return JSON.parse(text);
    } catch {
      // It was changed by hand: YAML takes more.
    }
  }
  return (await import("yaml")).parse(text);
}

function checked(value: unknown): ConfigFile {
  if (!isRecord(value)) throw new Error("it is no mapping");
  const { current, contexts } = value;
  if (current !== undefined && typeof current !== "string") throw new Error("current must be a name");
  if (contexts !== undefined && !Array.isArray(contexts)) throw new Error("contexts must be a list");
  const all = (contexts ?? []).map(checkedContext);
  return { ...(current === undefined ? {} : { current }), contexts: all };
}

function checkedContext(value: unknown, index: number): Context {
  const at = `contexts[${index}]`;
  if (!isRecord(value)) throw new Error(`${at} is no mapping`);
  for (const field of ["name", "url"]) {
    if (typeof value[field] !== "string") throw new Error(`${at}.${field} must be a text`);
  }
  for (const field of ["project", "token", "caFile"]) {
    if (value[field] !== undefined && typeof value[field] !== "string")
      throw new Error(`${at}.${field} must be a text`);
  }
  const { session } = value;
  if (session === undefined) return value as unknown as Context;
  const fields = ["accessToken", "expiresAt", "refreshToken"];
  if (!isRecord(session) || fields.some((field) => typeof session[field] !== "string")) {
    throw new Error(`${at}.session must have ${fields.join(", ")}`);
  }
  return value as unknown as Context;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
