import type { Command } from "commander";
import { Failure } from "../failure.js";
import { placeOf } from "../resources/deployments.js";
import { examples } from "../resources/examples.js";
import { runtime } from "../resources/runtime.js";
import { openTerminal } from "../resources/terminal.js";
import { writeOut } from "../resources/write-out.js";
import { run } from "../run.js";
import type { Session } from "../session.js";
import { addInstance, type InstanceFlags } from "./exec.js";

/** `slipway shell`: a shell in an instance. */
export function shellCommand(command: Command): void {
  addInstance(command)
    .argument("<deployment>", "its name or uuid")
    .argument("[command...]", "another command than the shell, after --")
    .action(run(shell));
  examples(command, "slipway shell web", "slipway shell web --process worker -- bash -l");
}

/** The exit code of the shell becomes that of the program. */
async function shell(session: Session, reference: string, command: string[], flags: InstanceFlags): Promise<void> {
  const place = await placeOf(session, reference, flags);
  const client = await runtime(session);
  const { process: named = "", instance = "", container = "" } = flags;
  const ended = new AbortController();
  const terminal = openTerminal();
  let exitCode: number | undefined;
  try {
    const size = terminal.size();
    const start = { command, process: named, instance, container, ...(size === undefined ? {} : { size }) };
    const requests = async function* () {
      yield { ...place, start };
      yield* terminal.input(ended.signal);
    };
    for await (const answer of client.openShell(requests(), { signal: ended.signal })) {
      await writeOut(process.stdout, answer.output);
      if (answer.exitCode === undefined) continue;
      exitCode = answer.exitCode;
      break;
    }
  } finally {
    terminal.close();
    ended.abort();
  }
  if (exitCode === undefined) throw new Failure("unavailable", "the connection ended before the shell did");
  process.exitCode = exitCode;
}
