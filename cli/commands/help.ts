import type { Command } from "commander";
import { Failure } from "../failure.js";
import { loadGroup } from "../lazy.js";
import { nearest } from "../nearest.js";
import { run } from "../run.js";

const exitCodeHelp = `Exit codes:
    0  it worked
    1  something else went wrong
    2  the command line is wrong, or something must be chosen first
    3  not signed in, or the token does not hold (UNAUTHENTICATED)
    4  not allowed (PERMISSION_DENIED)
    5  there is no such thing (NOT_FOUND)
    6  the name is taken, or somebody else changed it meanwhile (ALREADY_EXISTS, ABORTED)
    7  its state forbids it (FAILED_PRECONDITION)
    8  a quota, a limit or a rate is used up (RESOURCE_EXHAUSTED)
    9  the server cannot be reached, or cannot answer now (UNAVAILABLE)
   10  it took too long: a deadline passed, or a --wait (DEADLINE_EXCEEDED)
   11  a value is not accepted (INVALID_ARGUMENT)
   12  what was waited for has failed
  130  interrupted with Ctrl-C
Commands of operators (serve, migrate ...) end with 0 or 1, and with 2 when the command line is wrong.
`;

const environmentHelp = `Environment, each after the flag of its name and before the context:
  SLIPWAY_URL      the server
  SLIPWAY_TOKEN    the token
  SLIPWAY_PROJECT  the project
  SLIPWAY_CONTEXT  the context
  SLIPWAY_CA_FILE  certificates to trust
  SLIPWAY_CONFIG   the configuration file; $XDG_CONFIG_HOME/slipway/config.yaml unless told
  NO_COLOR         print without colours
  SLIPWAY_COMPLETION_TIMEOUT  how long completion may ask the server; 1s unless told
`;

const topics: Readonly<Record<string, string>> = { "exit-codes": exitCodeHelp, environment: environmentHelp };

/** `slipway help`: of a command, or of a topic. */
export function helpCommand(command: Command): void {
  command.argument("[words...]", "a command, or a topic: exit-codes, environment").action(
    run(async (_session, words: readonly string[]) => {
      const [first = ""] = words;
      const topic = topics[first];
      process.stdout.write(topic ?? (await helpOf(command.parent ?? command, words)));
    }),
  );
}

async function helpOf(program: Command, words: readonly string[]): Promise<string> {
  let at = program;
  for (const word of words) {
    const names = at.commands.flatMap((each) => [each.name(), ...each.aliases()]);
    const next = at.commands.find((each) => each.name() === word || each.aliases().includes(word));
    if (next === undefined) {
      const near = nearest(word, [...names, ...Object.keys(topics)]);
      throw new Failure("usage", `there is no command or topic "${word}"`, [
        ...(near === undefined ? [] : [`Did you mean ${near}?`]),
        "slipway help tells which there are.",
      ]);
    }
    if (at === program) await loadGroup(next);
    at = next;
  }
  return at.helpInformation();
}
