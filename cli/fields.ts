import type { Command } from "commander";

const declared = new WeakMap<Command, Readonly<Record<string, string>>>();

/** Says which flag or argument of a command sets a field of its request, where the names differ. */
export function setsFields(command: Command, fields: Readonly<Record<string, string>>): Command {
  declared.set(command, fields);
  return command;
}

/** The flag or argument that sets a field, by its path such as `workers[0].machine_type`; undefined when none does. */
export function flagOf(command: Command, field: string): string | undefined {
  const path = field.replace(/\[[^\]]*\]/g, "");
  const known = declared.get(command)?.[path];
  if (known !== undefined) return known;
  const last = (path.split(".").at(-1) ?? "").replaceAll("_", "-").toLowerCase();
  if (last === "") return undefined;
  for (let at: Command | null = command; at !== null; at = at.parent) {
    if (at.options.some((option) => option.long === `--${last}`)) return `--${last}`;
  }
  const argument = command.registeredArguments.find((each) => each.name() === last);
  return argument === undefined ? undefined : `<${argument.name()}>`;
}
