import type { Command } from "commander";

const loads = new WeakMap<Command, () => Promise<(command: Command) => void>>();

/** Says how a group comes to its subcommands, arguments, options and action. */
export function loadsWith(command: Command, load: () => Promise<(command: Command) => void>): void {
  loads.set(command, load);
}

/** Adds to a group what belongs to it; once. Commands that are no groups stay as they are. */
export async function loadGroup(command: Command): Promise<void> {
  const load = loads.get(command);
  if (load === undefined) return;
  loads.delete(command);
  command.configureHelp({ showGlobalOptions: true });
  (await load())(command);
}
