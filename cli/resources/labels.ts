import type { Command } from "commander";
import { pairs, several } from "../flags.js";

/** Flags of a command that changes labels. */
export interface LabelFlags {
  readonly label?: Readonly<Record<string, string>>;
  readonly removeLabel?: readonly string[];
}

/** Declares --label for what is new, or as a filter. */
export function addLabels(command: Command, description = "a label, NAME=VALUE; may come several times"): Command {
  return command.option("--label <name=value>", description, pairs);
}

/** Declares --label and --remove-label for a change. */
export function addLabelChanges(command: Command): Command {
  return addLabels(command, "set a label, NAME=VALUE; may come several times").option(
    "--remove-label <name>",
    "take a label away; may come several times",
    several,
  );
}

/** The labels after a change; undefined when it leaves them as they are. */
export function changedLabels(
  before: Readonly<Record<string, string>>,
  { label, removeLabel }: LabelFlags,
): { readonly labels: Record<string, string> } | undefined {
  if (label === undefined && removeLabel === undefined) return undefined;
  const gone = new Set(removeLabel);
  const kept = Object.entries({ ...before, ...label }).filter(([name]) => !gone.has(name));
  return { labels: Object.fromEntries(kept) };
}

/** Labels in a cell. */
export function labelsOf(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join(",");
}
