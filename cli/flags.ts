import { type Command, InvalidArgumentError, Option } from "commander";
import { parseDuration } from "./duration.js";

/** How results are printed. */
export type OutputFormat = "table" | "wide" | "json" | "yaml" | "name";

/** The formats, as --output takes them. */
export const outputFormats: readonly OutputFormat[] = ["table", "wide", "json", "yaml", "name"];

/** The flags that every command takes, before the environment and the context are looked at. */
export interface GlobalFlags {
  readonly context?: string;
  readonly url?: string;
  readonly project?: string;
  readonly output?: OutputFormat;
  /** Milliseconds. */
  readonly timeout?: number;
  readonly caFile?: string;
  /** False with --no-color. */
  readonly color: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
}

/** Declares the flags that every command takes. */
export function addGlobalFlags(program: Command): void {
  program
    .option("--context <name>", "the context to use (SLIPWAY_CONTEXT)")
    .option("--url <url>", "the server to call (SLIPWAY_URL)", url)
    .option("--project <project>", "the project: its name, TENANT/NAME or uuid (SLIPWAY_PROJECT)")
    .addOption(new Option("-o, --output <format>", "how to print what is found").choices([...outputFormats]))
    .option("--timeout <duration>", "how long a call may take, or a --wait, as in 90s or 20m", duration)
    .option("--ca-file <file>", "certificates (PEM) to trust beside those of the system (SLIPWAY_CA_FILE)")
    .option("--no-color", "print without colours (NO_COLOR)")
    .option("-q, --quiet", "print no progress and no remarks")
    .option("-v, --verbose", "tell of each call on stderr");
}

/** Reads a duration as a flag has it. */
export function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms <= 0) throw new InvalidArgumentError("It must be a duration, as in 90s, 20m or 1h30m.");
  return ms;
}

/** Reads a whole number of a flag, within bounds. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isInteger(value) || value < least || value > most) {
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}

/** Reads a flag that may come several times: all its values in a list. */
export function several(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value];
}

/** Reads NAME=VALUE of a flag that may come several times. */
export function pairs(text: string, earlier: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("It must be NAME=VALUE.");
  return { ...earlier, [text.slice(0, at)]: text.slice(at + 1) };
}

/** Reads the URL of a server. */
export function url(text: string): string {
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol) || parsed.search !== "" || parsed.hash !== "") {
    throw new InvalidArgumentError("It must be http://HOST:PORT or https://HOST[:PORT].");
  }
  if (parsed.username !== "" || parsed.password !== "") {
    throw new InvalidArgumentError("It must not carry a user or password: sign in with slipway login.");
  }
  return text.replace(/\/+$/, "");
}
