import type { Argument, Command, Option } from "commander";
import { parseDuration } from "../duration.js";
import type { GlobalFlags } from "../flags.js";
import { loadGroup } from "../lazy.js";
import { namesOf } from "./names.js";

/** Something that may come next, and what it is. */
interface Candidate {
  readonly word: string;
  readonly about?: string;
}

/** Whoever types does not wait for longer, unless SLIPWAY_COMPLETION_TIMEOUT says so. */
const mostMs = parseDuration(process.env.SLIPWAY_COMPLETION_TIMEOUT ?? "") ?? 1_000;

/** Prints what may come next, a line each: the word, a tab, what it is. `given` is -- and the words, the last one unfinished. */
export async function complete(program: Command, given: readonly string[]): Promise<void> {
  const late = setTimeout(() => process.exit(0), mostMs);
  const words = given[0] === "--" ? given.slice(1) : given;
  try {
    const candidates = await candidatesFor(program, words.slice(0, -1), words.at(-1) ?? "");
    const lines = candidates.map(({ word, about }) => (about === undefined ? word : `${word}\t${about}`));
    process.stdout.write(lines.map((line) => `${line}\n`).join(""));
  } catch {
    // Completion that fails says nothing.
  }
  clearTimeout(late);
  process.stdout.write("", () => process.exit(0));
}

async function candidatesFor(program: Command, before: readonly string[], word: string): Promise<Candidate[]> {
  const typed = await readWords(program, before);
  const fits = (all: readonly Candidate[], start: string): Candidate[] =>
    all.filter((candidate) => candidate.word.startsWith(start));
  if (typed.pending !== undefined) return fits(await valuesOf(typed.pending, typed), word);
  const assigned = /^(--[a-z-]+)=(.*)$/.exec(word);
  if (assigned !== null && !typed.isLiteral) {
    const [, flag = "", start = ""] = assigned;
    const option = optionNamed(typed.command, flag);
    const values = option === undefined ? [] : fits(await valuesOf(option, typed), start);
    return values.map((value) => ({ ...value, word: `${flag}=${value.word}` }));
  }
  if (word.startsWith("-") && !typed.isLiteral) return fits(flagsOf(typed.command), word);
  const { command, operands } = typed;
  const commands = operands.length > 0 ? [] : command.commands.filter((each) => !isHidden(each));
  const subcommands = commands.map((each) => ({ word: each.name(), about: each.description() }));
  const argument = command.registeredArguments.at(Math.min(operands.length, command.registeredArguments.length - 1));
  const isMore = argument !== undefined && (operands.length < command.registeredArguments.length || argument.variadic);
  const values = isMore ? await valuesOf(argument, typed) : [];
  return [...fits(subcommands, word), ...fits(values, word)];
}

/** What has been typed before the word at the cursor. */
interface Typed {
  readonly command: Command;
  readonly operands: readonly string[];
  readonly flags: GlobalFlags;
  /** The flag whose value comes next. */
  readonly pending: Option | undefined;
  /** After --, nothing is a flag. */
  readonly isLiteral: boolean;
}

async function readWords(program: Command, words: readonly string[]): Promise<Typed> {
  let command = program;
  let operands: string[] = [];
  let pending: Option | undefined;
  let isLiteral = false;
  const flags: Record<string, string> = {};
  for (const word of words) {
    if (pending !== undefined) {
      flags[pending.attributeName()] = word;
      pending = undefined;
    } else if (isLiteral || !word.startsWith("-") || word === "-") {
      const next = operands.length > 0 || isLiteral ? undefined : commandNamed(command, word);
      if (next === undefined) operands.push(word);
      else {
        if (command === program) await loadGroup(next);
        command = next;
        operands = [];
      }
    } else if (word === "--") isLiteral = true;
    else {
      const [name = "", value] = word.split("=", 2);
      const option = optionNamed(command, name);
      if (option !== undefined && value !== undefined) flags[option.attributeName()] = value;
      else if (option?.required === true) pending = option;
    }
  }
  const { context, url, project, caFile } = flags;
  const known = Object.entries({ context, url, project, caFile }).filter(([, value]) => value !== undefined);
  const given = { ...Object.fromEntries(known), color: false, quiet: true, timeout: mostMs } as GlobalFlags;
  return { command, operands, flags: given, pending, isLiteral };
}

/** Values of a flag or argument: its choices, or the names that are there. */
async function valuesOf(of: Option | Argument, { flags }: Typed): Promise<Candidate[]> {
  if (of.argChoices !== undefined) return of.argChoices.map((word) => ({ word }));
  const names = await namesOf(of.name(), flags);
  return names.map((word) => ({ word }));
}

function flagsOf(command: Command): Candidate[] {
  const flags: Candidate[] = [{ word: "--help", about: "display help for command" }];
  for (let at: Command | null = command; at !== null; at = at.parent) {
    for (const option of at.options) {
      if (!option.hidden && option.long !== undefined && option.long !== null) {
        flags.push({ word: option.long, about: option.description });
      }
    }
  }
  return flags;
}

function optionNamed(command: Command, name: string): Option | undefined {
  for (let at: Command | null = command; at !== null; at = at.parent) {
    const found = at.options.find((option) => option.long === name || option.short === name);
    if (found !== undefined) return found;
  }
  return undefined;
}

function commandNamed(command: Command, word: string): Command | undefined {
  return command.commands.find((each) => each.name() === word || each.aliases().includes(word));
}

/** Commander keeps to itself which commands it hides from help. */
function isHidden(command: Command): boolean {
  return command.parent?.createHelp().visibleCommands(command.parent).includes(command) === false;
}
