import type { Command } from "commander";
import { Failure } from "../failure.js";
import { pairs } from "../flags.js";
import { readSecret } from "../prompt.js";
import type { Session } from "../session.js";
import { readContent } from "./content.js";

/** The flags from which the values of a secret come. */
export interface SecretValueFlags {
  readonly fromFile?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly fromEnvFile?: string;
}

/** Declares them. */
export function addSecretValues(command: Command): Command {
  return (
    command
      .option("--from-file <key=file>", "the value of a key is what a file holds; may come several times", pairs)
      .option("--stdin <key>", "the value of a key comes from standard input; the end of its line is left out")
      // Not --env-file: Node.js takes that for itself, wherever it stands.
      .option("--from-env-file <file>", "keys and values from a file of NAME=VALUE lines; - for standard input")
  );
}

/** The values that flags and arguments give; undefined when there are none. */
export async function secretValues(
  session: Session,
  args: readonly string[],
  { fromFile = {}, stdin, fromEnvFile }: SecretValueFlags,
): Promise<Record<string, Uint8Array> | undefined> {
  if (stdin !== undefined && (fromEnvFile === "-" || Object.values(fromFile).includes("-"))) {
    throw new Failure("usage", "standard input can be read once", ["Take one of --stdin and the - of other flags."]);
  }
  const values: Record<string, Uint8Array> = {};
  if (fromEnvFile !== undefined)
    Object.assign(values, linesOf((await readContent(fromEnvFile)).toString("utf8"), fromEnvFile));
  for (const [key, file] of Object.entries(fromFile)) values[key] = await readContent(file);
  if (stdin !== undefined) values[stdin] = Buffer.from(await readSecret());
  if (args.length > 0) {
    session.note("warning: values among the arguments can be seen in the list of processes and in the shell's history");
    for (const [key, value] of Object.entries(argumentsOf(args))) values[key] = Buffer.from(value);
  }
  return Object.keys(values).length === 0 ? undefined : values;
}

/** The text before the = alone is shown when an argument is wrong: the rest may be secret. */
function argumentsOf(args: readonly string[]): Record<string, string> {
  let read: Record<string, string> = {};
  for (const text of args) {
    if (text.indexOf("=") < 1) throw new Failure("usage", "an argument is not KEY=VALUE");
    read = pairs(text, read);
  }
  return read;
}

function linesOf(text: string, file: string): Record<string, Uint8Array> {
  const values: Record<string, Uint8Array> = {};
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const at = line.indexOf("=");
    if (at < 1) throw new Failure("usage", `${file}, line ${index + 1}: it must be NAME=VALUE`);
    values[line.slice(0, at).trim()] = Buffer.from(unquoted(line.slice(at + 1)));
  }
  return values;
}

function unquoted(value: string): string {
  const match = /^(["'])(.*)\1$/.exec(value.trim());
  return match?.[2] ?? value;
}
