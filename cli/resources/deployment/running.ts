import { type Command, InvalidArgumentError } from "commander";
import type { ObjectName } from "../../../gen/ts/deploy/v1/deployment_pb.js";
import { confirmed } from "../../confirmed.js";
import { wholeNumber } from "../../flags.js";
import { run } from "../../run.js";
import type { Session } from "../../session.js";
import { optionsOf, settle } from "../change.js";
import { deployments, placeOf } from "../deployments.js";
import { addEnvironment, type EnvironmentFlag, environmentOf } from "../environments.js";
import { examples } from "../examples.js";
import { eventKind, instanceKind, objectKind, runtime } from "../runtime.js";
import { type OperationFlags, operate, operation } from "./operate.js";

interface InstanceFlags extends EnvironmentFlag {
  readonly process?: string;
  readonly node?: string;
}

type Named = Pick<ObjectName, "kind" | "name" | "group">;

/** Adds what shows and changes instances, objects and events. */
export function addRunning(group: Command): void {
  const instances = addEnvironment(group.command("instances"))
    .description("list the instances of a deployment, or of the whole project")
    .argument("[deployment]", "its name or uuid")
    .option("--process <name>", "only those of this process")
    .option("--node <name>", "only those on this node")
    .action(run(listInstances));
  examples(instances, "slipway deployment instances web", "slipway deployment instances --node worker-1 -o wide");
  addEnvironment(group.command("evict"))
    .description("end an instance, so that another takes its place")
    .argument("<deployment>", "its name or uuid")
    .argument("<instance>", "the name of the instance")
    .option("-y, --yes", "do not ask")
    .action(run(evict));
  addObjects(group);
  const job = operation(group, "run-job", "run a process of the kind job now")
    .argument("<process>", "its name")
    .argument("[args...]", "arguments instead of those that it has; after --")
    .action(
      run(async (session, reference: string, process: string, args: string[], flags: OperationFlags) => {
        const client = await deployments(session);
        const action = { case: "runJob", value: { process, args } } as const;
        const options = optionsOf(flags);
        await operate(session, reference, flags, (place) => client.invokeAction({ ...place, action, options }));
      }),
    );
  examples(job, "slipway deployment run-job shop migrate --wait -- --to 42");
}

function addObjects(group: Command): void {
  addEnvironment(group.command("objects"))
    .description("list the Kubernetes objects of a deployment")
    .argument("<deployment>", "its name or uuid")
    .option("--kind <kind>", "only those of this kind, as in Service", "")
    .action(
      run(async (session, reference: string, flags: EnvironmentFlag & { readonly kind: string }) => {
        const place = await placeOf(session, reference, flags);
        const { objects } = await (await runtime(session)).listObjects({ ...place, kind: flags.kind });
        await session.out.list(objectKind, objects);
      }),
    );
  const get = addEnvironment(group.command("object"))
    .description("print a Kubernetes object of a deployment as it is on its target, as YAML or with -o json")
    .argument("<deployment>", "its name or uuid")
    .argument("<object>", "KIND/NAME, as objects lists it", objectName)
    .action(run(printObject));
  examples(get, "slipway deployment object web Deployment/web-web");
  operation(group, "restart-object", "start the pods of one workload anew")
    .argument("<object>", "KIND/NAME, as objects lists it", objectName)
    .action(
      run(async (session, reference: string, object: Named, flags: OperationFlags) => {
        const place = await placeOf(session, reference, flags);
        const { task } = await (await runtime(session)).restartObject({ ...place, object, options: optionsOf(flags) });
        await settle(session, flags, { tasks: [task], title: `deployment ${reference}` });
      }),
    );
  addEnvironment(group.command("events"))
    .description("list what Kubernetes tells of the objects of a deployment, newest first")
    .argument("<deployment>", "its name or uuid")
    .option("--object <object>", "only about this one, KIND/NAME", objectName)
    .option("--limit <count>", "how many at most", wholeNumber(1, 1_000))
    .action(run(listEvents));
}

async function listInstances(session: Session, named: string | undefined, flags: InstanceFlags): Promise<void> {
  const place =
    named === undefined
      ? { project: await session.project(), environment: await environmentOf(session, flags), deployment: "" }
      : await placeOf(session, named, flags);
  const { process = "", node = "" } = flags;
  const { instances, unreachableTargets } = await (await runtime(session)).listInstances({ ...place, process, node });
  for (const target of unreachableTargets)
    session.note(`the target ${target} cannot be reached: its instances are missing`);
  await session.out.list(instanceKind, instances);
}

async function evict(
  session: Session,
  reference: string,
  instance: string,
  flags: EnvironmentFlag & { readonly yes?: boolean },
): Promise<void> {
  const place = await placeOf(session, reference, flags);
  await confirmed(flags, `End the instance ${instance}?`);
  await (await runtime(session)).evictInstance({ ...place, instance });
  session.note(`${instance} is ending`);
}

async function printObject(session: Session, reference: string, object: Named, flags: EnvironmentFlag): Promise<void> {
  const { content } = await (await runtime(session)).getObject({
    ...(await placeOf(session, reference, flags)),
    object,
  });
  if (session.out.format === "json") return void process.stdout.write(`${JSON.stringify(content ?? {}, null, 2)}\n`);
  const { stringify } = await import("yaml");
  process.stdout.write(stringify(content ?? {}));
}

async function listEvents(
  session: Session,
  reference: string,
  flags: EnvironmentFlag & { readonly object?: Named; readonly limit?: number },
): Promise<void> {
  const place = await placeOf(session, reference, flags);
  const about = flags.object === undefined ? {} : { object: flags.object };
  const { events } = await (await runtime(session)).listEvents({ ...place, ...about, limit: flags.limit ?? 0 });
  await session.out.list(eventKind, events);
}

function objectName(text: string): Named {
  const match = /^([A-Za-z]+)(?:\.([a-z0-9.-]+))?\/(\S+)$/.exec(text);
  if (match === null) throw new InvalidArgumentError("It must be KIND/NAME or KIND.GROUP/NAME.");
  const [, kind = "", group = "", name = ""] = match;
  return { kind, group, name };
}
