import type { Command } from "commander";
import { Failure } from "../failure.js";
import { setsFields } from "../fields.js";
import { examples } from "../resources/examples.js";
import { given } from "../resources/given.js";
import { addLabelChanges, addLabels, changedLabels, type LabelFlags } from "../resources/labels.js";
import { namespaceResource, namespaces, type TargetFlag } from "../resources/namespaces.js";
import { onlyTarget } from "../resources/only-one.js";
import { addDelete, addGet, addList, findId, findOne } from "../resources/resource.js";
import { run } from "../run.js";
import type { Session } from "../session.js";

interface CreateFlags extends TargetFlag {
  readonly adopt?: boolean;
  readonly label?: Record<string, string>;
}

interface UpdateFlags extends TargetFlag, LabelFlags {
  readonly adopt?: boolean;
}

/** `slipway namespace`: where on targets deployments run. */
export function namespaceCommands(group: Command): void {
  addList(group, namespaceResource, "list the namespaces of the project's targets");
  addGet(group, namespaceResource);
  const create = addLabels(group.command("create"))
    .description("register a namespace; it is made on the target")
    .argument("<name>", "its name on the target")
    .option("--target <target>", "the target: its name or uuid; not needed when there is only one")
    .option("--adopt", "take one over that is there already")
    .action(run(createNamespace));
  setsFields(create, { labels: "--label" });
  examples(create, "slipway namespace create shop", "slipway namespace create shop --target main --label team=web");
  const update = addLabelChanges(group.command("update"))
    .description("change the labels of a namespace, or adopt one that was refused")
    .argument("<namespace>", "its name or uuid")
    .option("--target <target>", "on this target: its name or uuid")
    .option("--adopt", "take it over although it is there already")
    .action(run(updateNamespace));
  setsFields(update, { "labels.labels": "--label" });
  addDelete(group, namespaceResource, {
    description: "delete a namespace without deployments; on the target, too, unless it was adopted",
    question: (reference) => `Delete the namespace ${reference} with everything in it?`,
    remove: async (session, uuid) =>
      (await (await namespaces(session)).delete({ project: await session.project(), uuid })).namespace,
  });
}

async function createNamespace(session: Session, name: string, flags: CreateFlags): Promise<void> {
  const target = await onlyTarget(session, flags.target);
  const order = {
    project: await session.project(),
    target,
    name,
    adopt: flags.adopt === true,
    labels: flags.label ?? {},
  };
  const { namespace } = await (await namespaces(session)).create(order);
  if (namespace !== undefined) await session.out.one(namespaceResource.kind, namespace);
}

async function updateNamespace(session: Session, reference: string, flags: UpdateFlags): Promise<void> {
  const changesLabels = flags.label !== undefined || flags.removeLabel !== undefined;
  if (!changesLabels && flags.adopt !== true) {
    throw new Failure("usage", "nothing to change", ["Give --label, --remove-label or --adopt."]);
  }
  const before = changesLabels ? await findOne(session, namespaceResource, reference, flags) : undefined;
  const uuid = before?.uuid ?? (await findId(session, namespaceResource, reference, flags));
  const labels = before === undefined ? undefined : changedLabels(before.labels, flags);
  const order = { project: await session.project(), uuid, adopt: flags.adopt === true, ...given({ labels }) };
  const { namespace } = await (await namespaces(session)).update(order);
  if (namespace !== undefined) await session.out.one(namespaceResource.kind, namespace);
}
