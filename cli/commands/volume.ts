import type { Command } from "commander";
import type { Volume, VolumeSchema } from "../../gen/ts/api/v1/volume_pb.js";
import { Failure } from "../failure.js";
import { setsFields } from "../fields.js";
import { pairs, several } from "../flags.js";
import { examples } from "../resources/examples.js";
import { given } from "../resources/given.js";
import { lazy } from "../resources/lazy.js";
import { addDelete, addGet, addList, findId, type Resource } from "../resources/resource.js";
import { sizeOf } from "../resources/sizes.js";
import { run } from "../run.js";
import type { Session } from "../session.js";

const api = lazy(() => import("../../gen/ts/api/v1/volume_pb.js"));
const volumes = async (session: Session) => session.client((await api()).VolumeService);

interface VolumeFilter {
  readonly partition?: string;
}

interface UpdateFlags {
  readonly label?: Readonly<Record<string, string>>;
  readonly removeLabel?: readonly string[];
}

const resource: Resource<typeof VolumeSchema, VolumeFilter> = {
  noun: "volume",
  group: "volume",
  kind: {
    schema: async () => (await api()).VolumeSchema,
    name: ({ name }) => name,
    columns: [
      { header: "NAME", value: ({ name }) => name },
      { header: "STATE", value: ({ state }) => state },
      { header: "SIZE", value: ({ size }) => sizeOf(size) },
      { header: "USAGE", value: ({ usage }) => sizeOf(usage) },
      { header: "CLUSTER", value: ({ clusterName }) => clusterName },
      { header: "ATTACHED-TO", value: ({ attachedTo }) => attachedTo.join(",") },
      { header: "UUID", value: ({ uuid }) => uuid, wide: true },
      { header: "PARTITION", value: ({ partition }) => partition, wide: true },
      { header: "STORAGE-CLASS", value: ({ storageClass }) => storageClass, wide: true },
      { header: "REPLICAS", value: ({ replicaCount }) => replicaCount, wide: true },
      { header: "LABELS", value: labelsOf, wide: true },
    ],
  },
  id: ({ uuid }) => uuid,
  async list(session, { partition }) {
    const project = await session.project();
    return (await (await volumes(session)).list({ project, ...given({ partition }) })).volumes;
  },
  async get(session, uuid) {
    return (await (await volumes(session)).get({ uuid, project: await session.project() })).volume;
  },
};

/** `slipway volume`: block storage of clusters. */
export function volumeCommands(group: Command): void {
  addList(group, resource, "list the volumes of the project", (command) =>
    command.option("--partition <id>", "only those in this partition"),
  );
  addGet(group, resource);
  const update = group
    .command("update")
    .description("change the labels of a volume")
    .argument("<volume>", "its name or uuid")
    .option("--label <name=value>", "set a label; may come several times", pairs)
    .option("--remove-label <name>", "take a label away; may come several times", several)
    .action(run(change));
  setsFields(update, {
    "labels.update.key": "--label",
    "labels.update.value": "--label",
    "labels.remove": "--remove-label",
  });
  examples(update, "slipway volume update pvc-data --label team=web --remove-label old");
  addDelete(group, resource, {
    description: "delete a volume that no cluster uses, with all that is on it",
    question: (reference) => `Delete the volume ${reference} with all that is on it?`,
    remove: async (session, uuid) =>
      (await (await volumes(session)).delete({ uuid, project: await session.project() })).volume,
  });
}

async function change(session: Session, reference: string, { label, removeLabel }: UpdateFlags): Promise<void> {
  if (label === undefined && removeLabel === undefined) {
    throw new Failure("usage", "nothing to change", ["Give --label NAME=VALUE or --remove-label NAME."]);
  }
  const uuid = await findId(session, resource, reference, {});
  const update = Object.entries(label ?? {}).map(([key, value]) => ({ key, value }));
  const labels = { update, remove: [...(removeLabel ?? [])] };
  const { volume } = await (await volumes(session)).update({ uuid, project: await session.project(), labels });
  if (volume !== undefined) await session.out.one(resource.kind, volume);
}

function labelsOf({ labels }: Volume): string {
  return labels.map(({ key, value }) => `${key}=${value}`).join(",");
}
