import { type Command, InvalidArgumentError } from "commander";

/** The flag --expected-version. */
export interface VersionFlag {
  readonly expectedVersion?: bigint;
}

/** Declares --expected-version. */
export function addExpectedVersion(command: Command, of: string): Command {
  return command.option(
    "--expected-version <number>",
    `change nothing unless the ${of} has this version (-o json shows it)`,
    version,
  );
}

function version(text: string): bigint {
  if (!/^\d{1,18}$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
  return BigInt(text);
}
