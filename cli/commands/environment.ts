import type { Command } from "commander";
import { Failure } from "../failure.js";
import { setsFields } from "../fields.js";
import { pairs } from "../flags.js";
import { environmentResource, environments } from "../resources/environments.js";
import { examples } from "../resources/examples.js";
import { given } from "../resources/given.js";
import { addLabelChanges, addLabels, changedLabels, type LabelFlags } from "../resources/labels.js";
import {
  constraints,
  constraintsOf,
  type GivenConstraint,
  type GivenToleration,
  tolerations,
} from "../resources/placement.js";
import { addDelete, addGet, addList, findId, findOne } from "../resources/resource.js";
import { targetResource } from "../resources/targets.js";
import { addExpectedVersion, type VersionFlag } from "../resources/versions.js";
import { run } from "../run.js";
import type { Session } from "../session.js";

interface Content {
  readonly description?: string;
  readonly default?: boolean;
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly toleration?: readonly GivenToleration[];
  readonly allow?: readonly GivenConstraint[];
  readonly deny?: readonly GivenConstraint[];
}

interface CreateFlags extends Content {
  readonly label?: Record<string, string>;
}

interface UpdateFlags extends Content, LabelFlags, VersionFlag {
  readonly name?: string;
}

const fields = {
  is_default: "--default",
  "node_selector.labels": "--node-selector",
  tolerations: "--toleration",
  "tolerations.tolerations": "--toleration",
  constraints: "--allow, --deny",
  "constraints.field": "--allow, --deny",
  "constraints.values": "--allow, --deny",
  "constraints.constraints": "--allow, --deny",
  labels: "--label",
} as const;

/** `slipway environment`: what deployments of a project have in common. */
export function environmentCommands(group: Command): void {
  addList(group, environmentResource, "list the environments of the project", (command) =>
    addLabels(command, "only those with this label; may come several times"),
  );
  addGet(group, environmentResource);
  const create = addContent(addLabels(group.command("create")))
    .description("create an environment")
    .argument("<name>", "its name")
    .action(run(createEnvironment));
  setsFields(create, fields);
  examples(
    create,
    "slipway environment create staging --default",
    "slipway environment create prod --allow target=main",
  );
  const update = addContent(addLabelChanges(addExpectedVersion(group.command("update"), "environment")))
    .description("change an environment; what is not named stays, lists are replaced as a whole")
    .argument("<environment>", "its name or uuid")
    .option("--name <name>", "another name")
    .option("--no-default", "let it be the default no longer")
    .action(run(updateEnvironment));
  setsFields(update, fields);
  examples(update, "slipway environment update staging --description 'for tests' --label team=web");
  addDelete(group, environmentResource, {
    description: "delete an environment with nothing in it",
    remove: async (session, uuid) =>
      (await (await environments(session)).delete({ project: await session.project(), uuid })).environment,
  });
}

function addContent(command: Command): Command {
  return command
    .option("--description <text>", "what it is for")
    .option("--default", "deployments that name no environment go here")
    .option(
      "--node-selector <name=value>",
      "a label of the nodes where its pods may run; may come several times",
      pairs,
    )
    .option(
      "--toleration <taint>",
      "a taint that its pods bear: KEY[=VALUE][:EFFECT]; may come several times",
      tolerations,
    )
    .option(
      "--allow <field=values>",
      "only these targets, routers, storage-classes, plans or addons, as in router=public,inner",
      constraints,
    )
    .option("--deny <field=values>", "all but these, likewise", constraints);
}

async function createEnvironment(session: Session, name: string, flags: CreateFlags): Promise<void> {
  const { description = "", nodeSelector = {}, toleration = [], label = {} } = flags;
  const project = await session.project();
  const { environment } = await (await environments(session)).create({
    project,
    name,
    description,
    isDefault: flags.default === true,
    nodeSelector: { ...nodeSelector },
    tolerations: toleration.map((each) => ({ ...each })),
    constraints: await constraintsFrom(session, flags),
    labels: label,
  });
  if (environment !== undefined) await session.out.one(environmentResource.kind, environment);
}

async function updateEnvironment(session: Session, reference: string, flags: UpdateFlags): Promise<void> {
  const { name, description, nodeSelector, toleration } = flags;
  const changesLabels = flags.label !== undefined || flags.removeLabel !== undefined;
  const before = changesLabels ? await findOne(session, environmentResource, reference, {}) : undefined;
  const changes = given({
    name,
    description,
    isDefault: flags.default,
    nodeSelector: nodeSelector === undefined ? undefined : { labels: { ...nodeSelector } },
    tolerations: toleration === undefined ? undefined : { tolerations: toleration.map((each) => ({ ...each })) },
    constraints:
      flags.allow === undefined && flags.deny === undefined
        ? undefined
        : { constraints: await constraintsFrom(session, flags) },
    labels: before === undefined ? undefined : changedLabels(before.labels, flags),
  });
  if (Object.keys(changes).length === 0) {
    throw new Failure("usage", "nothing to change", ["slipway environment update --help lists what can be changed."]);
  }
  const uuid = before?.uuid ?? (await findId(session, environmentResource, reference, {}));
  const expectedVersion = flags.expectedVersion ?? before?.version;
  const project = await session.project();
  const order = { project, uuid, ...changes, ...given({ expectedVersion }) };
  const { environment } = await (await environments(session)).update(order);
  if (environment !== undefined) await session.out.one(environmentResource.kind, environment);
}

async function constraintsFrom(session: Session, flags: Content) {
  const { ConstraintField } = await import("../../gen/ts/deploy/v1/environment_pb.js");
  return await constraintsOf(ConstraintField, flags, (reference) => findId(session, targetResource, reference, {}));
}
