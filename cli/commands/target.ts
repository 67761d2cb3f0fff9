import type { Command } from "commander";
import type { TargetNodeSchema } from "../../gen/ts/deploy/v1/target_pb.js";
import { Failure } from "../failure.js";
import { setsFields } from "../fields.js";
import type { Kind } from "../output.js";
import { findCluster } from "../resources/clusters.js";
import { readContent } from "../resources/content.js";
import { examples } from "../resources/examples.js";
import { given } from "../resources/given.js";
import { addLabelChanges, addLabels, changedLabels, type LabelFlags, labelsOf } from "../resources/labels.js";
import { addDelete, addGet, addList, findId, findOne } from "../resources/resource.js";
import { type GivenRouter, routers } from "../resources/routers.js";
import { targetResource, targets } from "../resources/targets.js";
import { ageColumn } from "../resources/times.js";
import { addExpectedVersion, type VersionFlag } from "../resources/versions.js";
import { run } from "../run.js";
import type { Session } from "../session.js";

interface CreateFlags {
  readonly cluster?: string;
  readonly kubeconfig?: string;
  readonly description?: string;
  readonly router?: readonly GivenRouter[];
  readonly label?: Record<string, string>;
}

interface UpdateFlags extends LabelFlags, VersionFlag {
  readonly name?: string;
  readonly description?: string;
  readonly kubeconfig?: string;
  readonly router?: readonly GivenRouter[];
}

const nodeKind: Kind<typeof TargetNodeSchema> = {
  schema: async () => (await import("../../gen/ts/deploy/v1/target_pb.js")).TargetNodeSchema,
  name: ({ name }) => name,
  columns: [
    { header: "NAME", value: ({ name }) => name },
    { header: "READY", value: ({ ready }) => (ready ? "yes" : "no") },
    { header: "SCHEDULABLE", value: ({ schedulable }) => (schedulable ? "yes" : "no") },
    { header: "CPU", value: ({ allocatable }) => allocatable.cpu },
    { header: "MEMORY", value: ({ allocatable }) => allocatable.memory },
    { header: "KUBELET", value: ({ kubeletVersion }) => kubeletVersion },
    ageColumn(({ createdAt }) => createdAt),
    { header: "ADDRESSES", value: ({ addresses }) => addresses.join(","), wide: true },
    { header: "LABELS", value: ({ labels }) => labelsOf(labels), wide: true },
  ],
};

const fields = {
  "routers.name": "--router name=",
  "routers.ingress_class": "--router class=",
  "routers.domain": "--router domain=",
  "routers.tls_secret": "--router tls-secret=",
  "routers.cluster_issuer": "--router issuer=",
  "routers.routers.name": "--router name=",
  "routers.routers.ingress_class": "--router class=",
  "routers.routers.domain": "--router domain=",
  routers: "--router",
  source: "--cluster or --kubeconfig",
  labels: "--label",
} as const;

/** `slipway target`: Kubernetes clusters on which deployments run. */
export function targetCommands(group: Command): void {
  addList(group, targetResource, "list the targets of the project", (command) =>
    addLabels(command, "only those with this label; may come several times"),
  );
  addGet(group, targetResource);
  const create = addLabels(group.command("create"))
    .description("make a target of a cluster of the project, or of a foreign one by its kubeconfig")
    .argument("<name>", "its name")
    .option("--cluster <cluster>", "a cluster of the project: its name or uuid")
    .option("--kubeconfig <file>", "the kubeconfig of a foreign cluster; - for standard input")
    .option("--description <text>", "what it is for")
    .option(
      "--router <router>",
      "where routes come in: name=NAME,class=CLASS,domain=DOMAIN[,default]; may come several times",
      routers,
    )
    .action(run(createTarget));
  setsFields(create, fields);
  examples(
    create,
    "slipway target create main --cluster first",
    "slipway target create here --kubeconfig kubeconfig.yaml --router name=public,class=nginx,domain=apps.example.com",
  );
  addUpdate(group);
  addDelete(group, targetResource, {
    description: "delete a target on which nothing is deployed; its cluster stays",
    remove: async (session, uuid) =>
      (await (await targets(session)).delete({ project: await session.project(), uuid })).target,
  });
  addLooks(group);
}

function addUpdate(group: Command): void {
  const update = addLabelChanges(addExpectedVersion(group.command("update"), "target"))
    .description("change a target; what is not named stays")
    .argument("<target>", "its name or uuid")
    .option("--name <name>", "another name")
    .option("--description <text>", "what it is for")
    .option("--kubeconfig <file>", "another kubeconfig of a foreign cluster; - for standard input")
    .option("--router <router>", "all routers, instead of those there are; may come several times", routers)
    .action(run(updateTarget));
  setsFields(update, fields);
  examples(update, "slipway target update here --kubeconfig renewed.yaml");
}

function addLooks(group: Command): void {
  group
    .command("nodes")
    .description("list the nodes of a target as they were seen last")
    .argument("<target>", "its name or uuid")
    .action(
      run(async (session, reference: string) => {
        const uuid = await findId(session, targetResource, reference, {});
        const { nodes } = await (await targets(session)).listNodes({ project: await session.project(), uuid });
        await session.out.list(nodeKind, nodes);
      }),
    );
  const join = group
    .command("join-config")
    .description(
      "print manifests of an account for Slipway in a foreign cluster; what to do with them is said on stderr",
    )
    .option("--namespace <name>", "the namespace of the account")
    .action(run(printJoinConfig));
  examples(join, "slipway target join-config | kubectl apply -f -");
}

async function createTarget(session: Session, name: string, flags: CreateFlags): Promise<void> {
  const { cluster, kubeconfig, description = "", router = [], label = {} } = flags;
  if ((cluster === undefined) === (kubeconfig === undefined)) {
    throw new Failure("usage", "a target is a cluster of the project or a foreign one", [
      "Give either --cluster NAME or --kubeconfig FILE.",
    ]);
  }
  const source =
    cluster === undefined
      ? ({ case: "kubeconfig", value: (await readContent(kubeconfig ?? "-")).toString("utf8") } as const)
      : ({ case: "cluster", value: (await findCluster(session, cluster)).uuid } as const);
  const project = await session.project();
  const order = { project, name, description, source, routers: router.map((each) => ({ ...each })), labels: label };
  const { target } = await (await targets(session)).create(order);
  if (target !== undefined) await session.out.one(targetResource.kind, target);
}

async function updateTarget(session: Session, reference: string, flags: UpdateFlags): Promise<void> {
  const { name, description, kubeconfig, router } = flags;
  const changesLabels = flags.label !== undefined || flags.removeLabel !== undefined;
  const before = changesLabels ? await findOne(session, targetResource, reference, {}) : undefined;
  const changes = given({
    name,
    description,
    kubeconfig: kubeconfig === undefined ? undefined : (await readContent(kubeconfig)).toString("utf8"),
    routers: router === undefined ? undefined : { routers: router.map((each) => ({ ...each })) },
    labels: before === undefined ? undefined : changedLabels(before.labels, flags),
  });
  if (Object.keys(changes).length === 0) {
    throw new Failure("usage", "nothing to change", ["slipway target update --help lists what can be changed."]);
  }
  const uuid = before?.uuid ?? (await findId(session, targetResource, reference, {}));
  const expectedVersion = flags.expectedVersion ?? before?.version;
  const order = { project: await session.project(), uuid, ...changes, ...given({ expectedVersion }) };
  const { target } = await (await targets(session)).update(order);
  if (target !== undefined) await session.out.one(targetResource.kind, target);
}

async function printJoinConfig(session: Session, { namespace }: { readonly namespace?: string }): Promise<void> {
  const project = await session.project();
  const answer = await (await targets(session)).getJoinConfig({ project, ...given({ namespace }) });
  const { format } = session.out;
  if (format === "json" || format === "yaml") {
    const { manifests, commands } = answer;
    return await session.out.plain([], [{ manifests, commands }], (item) => item);
  }
  process.stdout.write(`${answer.manifests.trimEnd()}\n`);
  session.note(
    `After kubectl apply, these commands print the kubeconfig for slipway target create:\n${answer.commands}`,
  );
}
