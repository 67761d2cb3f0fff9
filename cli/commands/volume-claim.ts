import { type Command, Option } from "commander";
import type { VolumeClaimSchema } from "../../gen/ts/deploy/v1/volume_claim_pb.js";
import { Failure } from "../failure.js";
import { setsFields } from "../fields.js";
import { enumValueOf, wordOf } from "../resources/enums.js";
import { addEnvironment, type EnvironmentFlag, environmentOf } from "../resources/environments.js";
import { examples } from "../resources/examples.js";
import { given } from "../resources/given.js";
import { addLabelChanges, addLabels, changedLabels, type LabelFlags, labelsOf } from "../resources/labels.js";
import { lazy } from "../resources/lazy.js";
import { namespaceOf } from "../resources/namespaces.js";
import { onlyNamespace } from "../resources/only-one.js";
import { addDelete, addGet, addList, findId, findOne, type Resource } from "../resources/resource.js";
import { ageColumn } from "../resources/times.js";
import { addExpectedVersion, type VersionFlag } from "../resources/versions.js";
import { run } from "../run.js";
import type { Session } from "../session.js";

const api = lazy(() => import("../../gen/ts/deploy/v1/volume_claim_pb.js"));
const claims = async (session: Session) => session.client((await api()).VolumeClaimService);
const accessModes = ["read-write-once", "read-write-many", "read-only-many"];

interface Filter extends EnvironmentFlag {
  readonly namespace?: string;
}

interface CreateFlags extends Filter {
  readonly size: string;
  readonly storageClass?: string;
  readonly accessMode?: string;
  readonly label?: Record<string, string>;
}

interface UpdateFlags extends EnvironmentFlag, LabelFlags, VersionFlag {
  readonly size?: string;
  readonly storageClass?: string;
  readonly accessMode?: string;
}

const resource: Resource<typeof VolumeClaimSchema, Filter> = {
  noun: "volume claim",
  group: "volume-claim",
  flags: addEnvironment,
  kind: {
    schema: async () => (await api()).VolumeClaimSchema,
    name: ({ name }) => name,
    columns: [
      { header: "NAME", value: ({ name }) => name },
      { header: "STATE", value: ({ state }) => wordOf(api.now().VolumeClaimState, state) },
      { header: "SIZE", value: ({ size }) => size },
      { header: "CAPACITY", value: ({ capacity }) => capacity },
      { header: "ACCESS-MODE", value: ({ accessMode }) => wordOf(api.now().AccessMode, accessMode) },
      { header: "DEPLOYMENTS", value: ({ deployments }) => deployments.length },
      ageColumn(({ createdAt }) => createdAt),
      { header: "MESSAGE", value: ({ message }) => message },
      { header: "UUID", value: ({ uuid }) => uuid, wide: true },
      { header: "NAMESPACE", value: ({ namespace }) => namespace, wide: true },
      { header: "STORAGE-CLASS", value: ({ storageClass }) => storageClass, wide: true },
      { header: "LABELS", value: ({ labels }) => labelsOf(labels), wide: true },
      { header: "VERSION", value: ({ version }) => String(version), wide: true },
    ],
  },
  id: ({ uuid }) => uuid,
  async list(session, flags) {
    const environment = await environmentOf(session, flags);
    const namespace = (await namespaceOf(session, flags.namespace, undefined)) ?? "";
    return (await (await claims(session)).list({ project: await session.project(), environment, namespace }))
      .volumeClaims;
  },
  async get(session, uuid, flags) {
    const environment = await environmentOf(session, flags);
    return (await (await claims(session)).get({ project: await session.project(), environment, uuid })).volumeClaim;
  },
};

/** `slipway volume-claim`: storage that deployments mount. */
export function volumeClaimCommands(group: Command): void {
  addList(group, resource, "list the volume claims of the project", (command) =>
    command.option("--namespace <namespace>", "only those in this namespace: its name or uuid"),
  );
  addGet(group, resource);
  addCreate(group);
  addUpdate(group);
  addDelete(group, resource, {
    description: "delete a volume claim that no deployment mounts, with all that is in it",
    question: (reference) => `Delete the volume claim ${reference} with all that is in it?`,
    async remove(session, uuid, flags) {
      const environment = await environmentOf(session, flags);
      return (await (await claims(session)).delete({ project: await session.project(), environment, uuid }))
        .volumeClaim;
    },
  });
}

const modeOption = () => new Option("--access-mode <mode>", "who may mount it at a time").choices(accessModes);

function addCreate(group: Command): void {
  const create = addLabels(addEnvironment(group.command("create")))
    .description("claim storage in a namespace")
    .argument("<name>", "its name")
    .requiredOption("--size <quantity>", "how much, as in 10Gi")
    .option("--namespace <namespace>", "the namespace: its name or uuid; not needed when there is only one")
    .option("--storage-class <name>", "the storage class; the target's default unless told")
    .addOption(modeOption())
    .action(run(createClaim));
  setsFields(create, { labels: "--label" });
  examples(create, "slipway volume-claim create data --namespace shop --size 10Gi");
}

function addUpdate(group: Command): void {
  const update = addLabelChanges(addExpectedVersion(addEnvironment(group.command("update")), "volume claim"))
    .description("change a volume claim; its size can only grow")
    .argument("<volume-claim>", "its name or uuid")
    .option("--size <quantity>", "how much, as in 20Gi")
    .option("--storage-class <name>", "the storage class, before it is bound")
    .addOption(modeOption())
    .action(run(updateClaim));
  setsFields(update, { "labels.labels": "--label" });
  examples(update, "slipway volume-claim update data --size 20Gi");
}

async function createClaim(session: Session, name: string, flags: CreateFlags): Promise<void> {
  const { size, storageClass = "", label = {} } = flags;
  const environment = await environmentOf(session, flags);
  const namespace = await onlyNamespace(session, flags.namespace);
  const accessMode = await modeOf(flags.accessMode);
  const { volumeClaim } = await (await claims(session)).create({
    project: await session.project(),
    environment,
    namespace,
    name,
    size,
    storageClass,
    labels: label,
    ...given({ accessMode }),
  });
  if (volumeClaim !== undefined) await session.out.one(resource.kind, volumeClaim);
}

async function updateClaim(session: Session, reference: string, flags: UpdateFlags): Promise<void> {
  const { size, storageClass } = flags;
  const changesLabels = flags.label !== undefined || flags.removeLabel !== undefined;
  const before = changesLabels ? await findOne(session, resource, reference, flags) : undefined;
  const labels = before === undefined ? undefined : changedLabels(before.labels, flags);
  const changes = given({ size, storageClass, accessMode: await modeOf(flags.accessMode), labels });
  if (Object.keys(changes).length === 0) {
    throw new Failure("usage", "nothing to change", ["Give --size, --storage-class, --access-mode or --label."]);
  }
  const uuid = before?.uuid ?? (await findId(session, resource, reference, flags));
  const environment = await environmentOf(session, flags);
  const expectedVersion = flags.expectedVersion ?? before?.version;
  const order = { project: await session.project(), environment, uuid, ...changes, ...given({ expectedVersion }) };
  const { volumeClaim } = await (await claims(session)).update(order);
  if (volumeClaim !== undefined) await session.out.one(resource.kind, volumeClaim);
}

async function modeOf(word: string | undefined): Promise<number | undefined> {
  return word === undefined ? undefined : enumValueOf((await api()).AccessMode, word);
}
