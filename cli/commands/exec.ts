import type { Command } from "commander";
import { Failure } from "../failure.js";
import { readContent } from "../resources/content.js";
import { placeOf } from "../resources/deployments.js";
import { addEnvironment, type EnvironmentFlag } from "../resources/environments.js";
import { examples } from "../resources/examples.js";
import { runtime } from "../resources/runtime.js";
import { writeOut } from "../resources/write-out.js";
import { run } from "../run.js";
import type { Session } from "../session.js";

const mostSeconds = 3_600;
const graceMs = 30_000;

/** Where commands and shells run. */
export interface InstanceFlags extends EnvironmentFlag {
  readonly process?: string;
  readonly instance?: string;
  readonly container?: string;
}

interface ExecFlags extends InstanceFlags {
  readonly stdin?: boolean;
  readonly isolated?: boolean;
}

/** `slipway exec`: runs a command in an instance. */
export function execCommand(command: Command): void {
  addInstance(command)
    .argument("<deployment>", "its name or uuid")
    .argument("<command...>", "the command with its arguments, after --")
    .option("-i, --stdin", "give it what comes from standard input, 1 MiB at most")
    .option("--isolated", "run it in an instance of its own that ends with it")
    .action(run(exec));
  examples(
    command,
    "slipway exec web -- printenv GREETING",
    "slipway exec web --stdin -- sh -c 'cat > /tmp/data' < data.txt",
    "slipway exec api --isolated --timeout 10m -- ./migrate --to 42",
  );
}

/** Declares the flags that say which instance is meant. */
export function addInstance(command: Command): Command {
  return addEnvironment(command)
    .option("--process <name>", "in an instance of this process; of web or the first unless told", "")
    .option("--instance <name>", "in this instance; in any that is ready unless told", "")
    .option("--container <name>", "in this container; in the first unless told", "");
}

/** The exit code of the command becomes that of the program. */
async function exec(session: Session, reference: string, command: string[], flags: ExecFlags): Promise<void> {
  const place = await placeOf(session, reference, flags);
  const stdin = flags.stdin === true ? await readContent("-") : new Uint8Array();
  const { process: named = "", instance = "", container = "", isolated = false } = flags;
  const { timeout } = session.flags;
  const timeoutSeconds = timeout === undefined ? 0 : Math.min(mostSeconds, Math.max(1, Math.round(timeout / 1_000)));
  const where = { ...place, process: named, instance, container, isolated };
  // The server ends the command in time; this is for a server that does not answer any more.
  const timeoutMs = (timeoutSeconds === 0 ? mostSeconds : timeoutSeconds) * 1_000 + graceMs;
  const order = { ...where, command, stdin, timeoutSeconds };
  const answers = (await runtime(session)).runCommand(order, { timeoutMs });
  let exitCode: number | undefined;
  for await (const { stdout, stderr, exitCode: code } of answers) {
    await writeOut(process.stdout, stdout);
    await writeOut(process.stderr, stderr);
    if (code !== undefined) exitCode = code;
  }
  if (exitCode === undefined) throw new Failure("unavailable", "the connection ended before the command did");
  process.exitCode = exitCode;
}
