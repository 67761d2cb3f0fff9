import { type Command, InvalidArgumentError } from "commander";
import type { LogLine } from "../../gen/ts/deploy/v1/runtime_pb.js";
import { setsFields } from "../fields.js";
import { several } from "../flags.js";
import { placeOf } from "../resources/deployments.js";
import { addEnvironment, type EnvironmentFlag } from "../resources/environments.js";
import { examples } from "../resources/examples.js";
import { given } from "../resources/given.js";
import { live } from "../resources/live.js";
import { linesAfter } from "../resources/log-lines.js";
import { runtime } from "../resources/runtime.js";
import { isoOf, type Moment, pastMoment } from "../resources/times.js";
import { writeOut } from "../resources/write-out.js";
import { run } from "../run.js";
import type { Session } from "../session.js";

/** What is there already is read within that time, unless --timeout tells another. */
const mostReadMs = 10 * 60_000;

interface LogFlags extends EnvironmentFlag {
  readonly follow?: boolean;
  readonly since?: Moment;
  readonly tail?: number;
  readonly process?: readonly string[];
  readonly instance?: readonly string[];
  readonly container?: string;
  readonly previous?: boolean;
  readonly timestamps?: boolean;
}

/** `slipway logs`: what the instances of a deployment write. */
export function logsCommand(command: Command): void {
  addEnvironment(command)
    .argument("<deployment>", "its name or uuid")
    .option("-f, --follow", "go on with what comes, until Ctrl-C")
    .option(
      "--since <time>",
      "only lines from this time on: 2026-05-01T12:00:00Z, or so long ago, as in 10m",
      pastMoment,
    )
    .option("--tail <count>", "only so many of the newest lines of each instance, or all; 100 unless told", tail)
    .option("--process <name>", "only of this process; may come several times", several)
    .option("--instance <name>", "only of this instance; may come several times", several)
    .option("--container <name>", "of this container; the first unless told")
    .option("--previous", "of the containers before their last restart")
    .option("--timestamps", "begin each line with its time")
    .action(run(printLogs));
  setsFields(command, { processes: "--process", instances: "--instance" });
  examples(command, "slipway logs web -f", "slipway logs web --process worker --since 10m --tail all");
}

async function printLogs(session: Session, reference: string, flags: LogFlags): Promise<void> {
  const place = await placeOf(session, reference, flags);
  const client = await runtime(session);
  const { follow = false, container = "", previous = false } = flags;
  const order = { ...place, follow, container, previous, processes: [...(flags.process ?? [])] };
  const instances = [...(flags.instance ?? [])];
  const seen = linesAfter();
  // A stream that is opened again begins where the one before ended: with the lines of its last moment.
  const open = (_: string, signal?: AbortSignal) => {
    const again = seen.last();
    const begin = again === undefined ? given({ since: flags.since, tail: flags.tail }) : { since: again, tail: -1 };
    const call = follow ? given({ signal }) : { timeoutMs: session.flags.timeout ?? mostReadMs };
    return client.streamLogs({ ...order, instances, ...begin }, call);
  };
  const print = await printer(session, flags);
  const stream = follow ? live(session, open) : open("");
  for await (const { lines } of stream) {
    for (const line of seen.fresh(lines)) await writeOut(process.stdout, print(line));
    for (const { dropped } of lines) {
      if (dropped > 0n) session.note(`${dropped} lines are left out, for they were not read in time`);
    }
  }
}

async function printer(session: Session, flags: LogFlags): Promise<(line: LogLine) => string> {
  if (session.out.format === "json") {
    const [{ toJson }, { LogLineSchema }] = await Promise.all([
      import("@bufbuild/protobuf"),
      import("../../gen/ts/deploy/v1/runtime_pb.js"),
    ]);
    return (line) => `${JSON.stringify(toJson(LogLineSchema, line))}\n`;
  }
  // One instance needs no name before each line.
  const isOne = flags.instance?.length === 1;
  return ({ time, instance, text }) => {
    const at = flags.timestamps === true ? `${isoOf(time)} ` : "";
    return `${at}${isOne || instance === "" ? "" : `[${instance}] `}${shown(text)}\n`;
  };
}

/** At a terminal a log must not move the cursor; elsewhere it stays as it was written. */
function shown(text: string): string {
  if (!process.stdout.isTTY) return text;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours stay, other controls go
  return text.replace(/[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]|\x1b(?!\[[0-9;]*m)/g, "");
}

function tail(text: string): number {
  if (text === "all") return -1;
  const count = Number(text);
  if (!Number.isInteger(count) || count < 0 || count > 10_000) {
    throw new InvalidArgumentError("It must be a whole number up to 10000, or all.");
  }
  return count;
}
