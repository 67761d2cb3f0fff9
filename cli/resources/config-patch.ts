import type { Command } from "commander";
import { Failure } from "../failure.js";
import { pairs, several } from "../flags.js";
import { readSecret } from "../prompt.js";
import type { Session } from "../session.js";
import { readContent } from "./content.js";
import { usableSecret } from "./secret-names.js";

/** The flags that set parts of a configuration. */
export interface ConfigFlags {
  readonly env?: Readonly<Record<string, string>>;
  readonly secret?: Readonly<Record<string, string>>;
  readonly sensitiveStdin?: string;
  readonly sensitiveFile?: Readonly<Record<string, string>>;
  readonly file?: Readonly<Record<string, string>>;
  readonly mount?: Readonly<Record<string, string>>;
}

/** The flags that take parts of it away. */
export interface UnsetFlags {
  readonly unsetEnv?: readonly string[];
  readonly unsetFile?: readonly string[];
  readonly unsetMount?: readonly string[];
}

/** The flags of the fields of a patch, below a prefix such as "config.", for violations. */
export function patchFields(prefix: string, variables: string): Record<string, string> {
  const flags = {
    set_variables: variables,
    "set_variables.name": variables,
    "set_variables.value": variables,
    "set_variables.secret.key": "--secret",
    "set_variables.secret.secret": "--secret",
    set_files: "--file",
    "set_files.path": "--file",
    "set_files.content": "--file",
    set_secret_mounts: "--mount",
    "set_secret_mounts.path": "--mount",
    "set_secret_mounts.secret": "--mount",
  };
  return Object.fromEntries(Object.entries(flags).map(([field, flag]) => [`${prefix}${field}`, flag]));
}

/** Declares what sets parts of a configuration, but for --env. */
export function addConfig(command: Command): Command {
  return command
    .option(
      "--secret <name=secret:key>",
      "a variable from a secret, as in DB_PASSWORD=db:password[@VERSION]; may come several times",
      pairs,
    )
    .option("--sensitive-stdin <name>", "a sensitive variable, its value from standard input")
    .option(
      "--sensitive-file <name=file>",
      "a sensitive variable, its value from a file; may come several times",
      pairs,
    )
    .option("--file <path=file>", "a file in the containers, from one here; may come several times", pairs)
    .option(
      "--mount <path=secret>",
      "a folder with the values of a secret, as in /etc/tls=shop-tls[@VERSION]; may come several times",
      pairs,
    );
}

/** Declares what takes parts of a configuration away. */
export function addUnset(command: Command): Command {
  return command
    .option("--unset-file <path>", "take a file away; may come several times", several)
    .option("--unset-mount <path>", "take the mount of a secret away; may come several times", several);
}

/** What the flags change, as requests have it; undefined when they change nothing. */
export async function patchOf(session: Session, flags: ConfigFlags & UnsetFlags, environment: string) {
  const { env = {}, file = {}, mount = {}, unsetEnv = [], unsetFile = [], unsetMount = [] } = flags;
  const patch = {
    setVariables: [
      ...Object.entries(env).map(([name, value]) => ({ name, value })),
      ...(await sensitive(flags)),
      ...(await fromSecrets(session, flags.secret ?? {}, environment)),
    ],
    unsetVariables: [...unsetEnv],
    setFiles: await Promise.all(
      Object.entries(file).map(async ([path, local]) => ({
        path,
        content: (await readContent(local)).toString("utf8"),
      })),
    ),
    unsetFiles: [...unsetFile],
    setSecretMounts: await mounts(session, mount, environment),
    unsetSecretMounts: [...unsetMount],
  };
  return Object.values(patch).every((list) => list.length === 0) ? undefined : patch;
}

async function sensitive({ sensitiveStdin, sensitiveFile = {} }: ConfigFlags) {
  const found = [];
  for (const [name, path] of Object.entries(sensitiveFile)) {
    found.push({ name, value: await readSecret(path), sensitive: true });
  }
  if (sensitiveStdin !== undefined) found.push({ name: sensitiveStdin, value: await readSecret(), sensitive: true });
  return found;
}

async function fromSecrets(session: Session, given: Readonly<Record<string, string>>, environment: string) {
  const found = [];
  for (const [name, text] of Object.entries(given)) {
    const match = /^([^:@]+):([^:@]+)(?:@(\d{1,9}))?$/.exec(text);
    if (match === null) {
      throw new Failure("usage", `--secret ${name}=${text} is not NAME=SECRET:KEY`, [
        "As in --secret DB_PASSWORD=db:password, or db:password@3 for a version.",
      ]);
    }
    const [, reference = "", key = "", version = "0"] = match;
    const secret = await usableSecret(session, reference, environment);
    found.push({ name, secret: { secret, key, version: BigInt(version) } });
  }
  return found;
}

async function mounts(session: Session, given: Readonly<Record<string, string>>, environment: string) {
  const found = [];
  for (const [path, text] of Object.entries(given)) {
    const [reference = "", version = "0"] = text.split("@", 2);
    if (!/^\d{1,9}$/.test(version)) throw new Failure("usage", `--mount ${path}=${text}: the version is no number`);
    found.push({ path, secret: await usableSecret(session, reference, environment), version: BigInt(version) });
  }
  return found;
}
