import type { Command } from "commander";
import { Failure } from "../../failure.js";
import { setsFields } from "../../fields.js";
import { wholeNumber } from "../../flags.js";
import { run } from "../../run.js";
import type { Session } from "../../session.js";
import { changeFields, optionsOf } from "../change.js";
import { deploymentResource, deployments } from "../deployments.js";
import { examples } from "../examples.js";
import { given } from "../given.js";
import { findOne } from "../resource.js";
import { type OperationFlags, operate, operation } from "./operate.js";

interface AutoscaleFlags extends OperationFlags {
  readonly min?: number;
  readonly max?: number;
  readonly cpu?: number;
  readonly memory?: number;
  readonly off?: boolean;
}

/** Adds `scale` and `autoscale`. */
export function addScaling(group: Command): void {
  const scale = operation(group, "scale", "set how many replicas run")
    .argument(
      "<replicas...>",
      "a number for the only process or web, or PROCESS=NUMBER, PROCESS=+NUMBER, PROCESS=-NUMBER",
    )
    .action(run(scaleDeployment));
  setsFields(scale, { ...changeFields, replicas: "<replicas>", differences: "<replicas>" });
  examples(scale, "slipway deployment scale web 3 --wait", "slipway deployment scale shop web=3 worker=+1");
  const bound = wholeNumber(1, 1_000);
  const auto = operation(group, "autoscale", "let the load decide how many replicas run, within bounds")
    .argument("[process]", "its process; the only one or web unless told")
    .option("--min <count>", "the fewest replicas", bound)
    .option("--max <count>", "the most replicas", bound)
    .option("--cpu <percent>", "the use of the requested processors that is aimed at", bound)
    .option("--memory <percent>", "the use of the requested memory that is aimed at", bound)
    .option("--off", "let the load decide no longer")
    .action(run(autoscale));
  setsFields(auto, {
    ...changeFields,
    "autoscale.min_replicas": "--min",
    "autoscale.max_replicas": "--max",
    "autoscale.cpu_percent": "--cpu",
    "autoscale.memory_percent": "--memory",
  });
  examples(
    auto,
    "slipway deployment autoscale web --min 2 --max 10 --cpu 70",
    "slipway deployment autoscale web --off",
  );
}

async function scaleDeployment(
  session: Session,
  reference: string,
  wanted: string[],
  flags: OperationFlags,
): Promise<void> {
  const replicas: Record<string, number> = {};
  const differences: Record<string, number> = {};
  for (const text of wanted) {
    const match = /^(?:([a-z][a-z0-9-]*)=)?([+-]?)(\d{1,4})$/.exec(text);
    if (match === null) {
      throw new Failure("usage", `"${text}" is no number of replicas`, ["As in 3, web=3, web=+1 or web=-1."]);
    }
    const [, named, sign, digits] = match;
    const process = named ?? (await mainProcess(session, reference, flags));
    if (sign === "") replicas[process] = Number(digits);
    else differences[process] = Number(`${sign}${digits}`);
  }
  const client = await deployments(session);
  const options = optionsOf(flags);
  await operate(session, reference, flags, (place) => client.scale({ ...place, replicas, differences, options }));
}

async function autoscale(
  session: Session,
  reference: string,
  named: string | undefined,
  flags: AutoscaleFlags,
): Promise<void> {
  const { min, max, cpu, memory, off } = flags;
  const bounds = given({ minReplicas: min, maxReplicas: max, cpuPercent: cpu, memoryPercent: memory });
  if ((off === true) === Object.keys(bounds).length > 0) {
    throw new Failure("usage", "give either bounds or --off", ["As in --min 2 --max 10 --cpu 70."]);
  }
  const process = named ?? (await mainProcess(session, reference, flags));
  const change = { process, ...(off === true ? {} : { autoscale: bounds }), options: optionsOf(flags) };
  const client = await deployments(session);
  await operate(session, reference, flags, (place) => client.setAutoscale({ ...place, ...change }));
}

/** The process that is meant when none is named: the only one, or web. */
async function mainProcess(session: Session, reference: string, flags: OperationFlags): Promise<string> {
  const { environment } = flags;
  const { processes } = await findOne(session, deploymentResource, reference, given({ environment }));
  const names = processes.map(({ name }) => name);
  const [only] = names;
  if (names.length === 1 && only !== undefined) return only;
  if (names.includes("web")) return "web";
  throw new Failure("usage", `${reference} has several processes`, [`Name one: ${names.join(", ")}.`]);
}
