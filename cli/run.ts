import type { Command } from "commander";
import type { GlobalFlags } from "./flags.js";
import { report } from "./report.js";
import { openSession, type Session } from "./session.js";

/**
 * Makes the action of a command: opens its session, and reports what goes wrong with the exit code that belongs to it.
 * The action gets the session, then the command's arguments and its options.
 */
export function run<A extends readonly unknown[]>(
  action: (session: Session, ...args: A) => Promise<void>,
): (...all: unknown[]) => Promise<void> {
  return async (...all) => {
    const command = all.at(-1) as Command;
    const flags = command.optsWithGlobals() as GlobalFlags & { readonly wait?: boolean };
    const session = openSession(flags, flags.wait === true);
    try {
      await action(session, ...(all.slice(0, -1) as unknown as A));
    } catch (error) {
      process.exitCode = await report(error, { command, login: await loginOf(session) });
    }
    endOfCommand();
  };
}

/** How to sign in again at the server of the session. */
async function loginOf(session: Session): Promise<string> {
  const settings = await session.settings().catch(() => undefined);
  if (settings === undefined) return "slipway login";
  const { context, url } = settings;
  return context === undefined ? `slipway login --url ${url}` : `slipway login --context ${context.name}`;
}

/** Connections stay open for the next call; nothing else is waited for. */
function endOfCommand(): void {
  process.stdout.write("", () => process.exit());
}
