import { type Command, Option } from "commander";
import type { Deployment } from "../../../gen/ts/deploy/v1/deployment_pb.js";
import type { Task } from "../../../gen/ts/deploy/v1/task_pb.js";
import { confirmed } from "../../confirmed.js";
import { setsFields } from "../../fields.js";
import { run } from "../../run.js";
import type { Session } from "../../session.js";
import { addChange, type ChangeFlags, changeFields, optionsOf, settle } from "../change.js";
import { type DeploymentPlace, deployments, placeOf } from "../deployments.js";
import { addEnvironment, type EnvironmentFlag } from "../environments.js";
import { examples } from "../examples.js";
import { namespaceOf } from "../namespaces.js";
import { findId } from "../resource.js";
import { targetResource } from "../targets.js";
import { showChanged } from "./shown.js";

/** The flags of every operation. */
export type OperationFlags = EnvironmentFlag & ChangeFlags;

/** What operations answer. */
interface Operated {
  readonly deployment?: Deployment | undefined;
  readonly task?: Task | undefined;
}

/** Runs an operation on a deployment, waits for it with --wait, and prints the deployment. */
export async function operate(
  session: Session,
  reference: string,
  flags: OperationFlags,
  call: (place: DeploymentPlace) => Promise<Operated>,
): Promise<void> {
  const { deployment, task } = await call(await placeOf(session, reference, flags));
  const title = `deployment ${deployment?.name ?? reference}`;
  await showChanged(session, deployment, await settle(session, flags, { tasks: [task], title }));
}

/** Declares an operation on a deployment. */
export function operation(group: Command, name: string, description: string): Command {
  const command = addChange(addEnvironment(group.command(name)))
    .description(description)
    .argument("<deployment>", "its name or uuid");
  return setsFields(command, changeFields);
}

/** Adds `start`, `stop`, `restart` and `move`. */
export function addOperations(group: Command): void {
  addStop(group);
  operation(group, "start", "start what is stopped, with as many replicas as before")
    .argument("[processes...]", "only these processes")
    .action(
      run(async (session, reference: string, processes: string[], flags: OperationFlags) => {
        const client = await deployments(session);
        await operate(session, reference, flags, (place) =>
          client.start({ ...place, processes, options: optionsOf(flags) }),
        );
      }),
    );
  operation(group, "restart", "start all instances anew, a few at a time")
    .argument("[processes...]", "only those of these processes")
    .action(
      run(async (session, reference: string, processes: string[], flags: OperationFlags) => {
        const client = await deployments(session);
        const options = optionsOf(flags);
        await operate(session, reference, flags, (place) => client.restart({ ...place, processes, options }));
      }),
    );
  const move = operation(group, "move", "make a deployment at another target or namespace, and remove it here")
    .requiredOption("--target <target>", "where to: its name or uuid")
    .option("--namespace <namespace>", "the namespace there: its name or uuid; not needed when there is only one")
    .action(run(moveDeployment));
  examples(move, "slipway deployment move web --target main --namespace shop --wait");
}

/** Adds `delete`. */
export function addDeployedDelete(group: Command): void {
  const command = operation(group, "delete", "delete a deployment with its releases and routes")
    .option("--keep-storage", "keep the storage of stateful processes")
    .option("--force", "forget one whose target is away; what runs there goes on")
    .option("-y, --yes", "do not ask")
    .action(run(deleteDeployment));
  examples(command, "slipway deployment delete web --yes --wait");
}

function addStop(group: Command): void {
  const modes = ["scale-to-zero", "uninstall"];
  const stop = operation(group, "stop", "stop a deployment, or some of its processes")
    .argument("[processes...]", "only these processes")
    .addOption(new Option("--mode <mode>", "keep all but the instances, or nothing but storage").choices(modes))
    .action(
      run(
        async (session, reference: string, processes: string[], flags: OperationFlags & { readonly mode?: string }) => {
          const { StopMode } = await import("../../../gen/ts/deploy/v1/deployment_pb.js");
          const mode = flags.mode === "uninstall" ? StopMode.UNINSTALL : StopMode.SCALE_TO_ZERO;
          const client = await deployments(session);
          const options = optionsOf(flags);
          await operate(session, reference, flags, (place) => client.stop({ ...place, processes, mode, options }));
        },
      ),
    );
  examples(stop, "slipway deployment stop web", "slipway deployment stop web worker --wait");
}

async function moveDeployment(
  session: Session,
  reference: string,
  flags: OperationFlags & { readonly target: string; readonly namespace?: string },
): Promise<void> {
  const target = await findId(session, targetResource, flags.target, {});
  const namespace = (await namespaceOf(session, flags.namespace, flags.target)) ?? "";
  const client = await deployments(session);
  const options = optionsOf(flags);
  await operate(session, reference, flags, (place) => client.move({ ...place, target, namespace, options }));
}

interface DeleteFlags extends OperationFlags {
  readonly keepStorage?: boolean;
  readonly force?: boolean;
  readonly yes?: boolean;
}

async function deleteDeployment(session: Session, reference: string, flags: DeleteFlags): Promise<void> {
  const place = await placeOf(session, reference, flags);
  if (flags.validateOnly !== true) {
    await confirmed(flags, `Delete the deployment ${reference} with its releases and routes?`);
  }
  const { deployment, task } = await (await deployments(session)).delete({
    ...place,
    keepStorage: flags.keepStorage === true,
    force: flags.force === true,
    options: optionsOf(flags),
  });
  await settle(session, flags, { tasks: [task], title: `deployment ${deployment?.name ?? reference}` });
  if (flags.wait === true) return session.note(`deleted ${deployment?.name ?? reference}`);
  await showChanged(session, deployment, false);
}
