import { type Command, InvalidArgumentError } from "commander";
import type { Cluster, ClusterSchema } from "../../gen/ts/api/v1/cluster_pb.js";
import { confirmed } from "../confirmed.js";
import { shortAge } from "../duration.js";
import { setsFields } from "../fields.js";
import { pick } from "../find.js";
import { wholeNumber } from "../flags.js";
import type { Kind } from "../output.js";
import { followCluster } from "../progress/cluster.js";
import { run } from "../run.js";
import type { Session } from "../session.js";

const load = () => import("../../gen/ts/api/v1/cluster_pb.js");
const clusters = async (session: Session) => session.client((await load()).ClusterService);

const kind: Kind<typeof ClusterSchema> = {
  schema: async () => (await load()).ClusterSchema,
  name: ({ name }) => name,
  columns: [
    { header: "NAME", value: ({ name }) => name },
    { header: "STATUS", value: statusOf },
    { header: "PROGRESS", value: ({ status }) => `${status?.progress ?? 0}%` },
    { header: "VERSION", value: ({ kubernetes }) => kubernetes?.version },
    { header: "PARTITION", value: ({ partition }) => partition },
    { header: "MACHINES", value: machinesOf },
    { header: "AGE", value: ageOf },
    { header: "UUID", value: ({ uuid }) => uuid, wide: true },
    { header: "API-SERVER", value: ({ status }) => status?.apiServerReady, wide: true },
    { header: "NODES", value: ({ status }) => status?.nodesReady, wide: true },
    { header: "LAST-ERROR", value: ({ status }) => status?.lastErrors.at(-1)?.description, wide: true },
  ],
};

interface CreateFlags {
  readonly partition?: string;
  readonly kubernetes?: string;
  readonly workers?: readonly WorkerGroup[];
  readonly wait?: boolean;
}

/** `slipway cluster`: Kubernetes clusters. */
export function clusterCommands(group: Command): void {
  group
    .command("list")
    .alias("ls")
    .description("list the clusters of the project")
    .action(
      run(async (session) => {
        const project = await session.project();
        const { clusters: found } = await (await clusters(session)).list({ project });
        await session.out.list(kind, found);
      }),
    );
  group
    .command("get")
    .description("show one cluster")
    .argument("<cluster>", "its name or uuid")
    .action(
      run(async (session, reference: string) => {
        const { uuid, project } = await findCluster(session, reference);
        const { cluster } = await (await clusters(session)).get({ uuid, project });
        if (cluster !== undefined) await session.out.one(kind, cluster);
      }),
    );
  addCreate(group);
  group
    .command("delete")
    .description("delete a cluster with everything in it")
    .argument("<cluster>", "its name or uuid")
    .option("--wait", "wait until it is gone")
    .option("-y, --yes", "do not ask")
    .action(
      run(async (session, reference: string, options: { readonly wait?: boolean; readonly yes?: boolean }) => {
        const { uuid, project, name } = await findCluster(session, reference);
        await confirmed(options, `Delete the cluster ${name} with everything in it?`);
        const { cluster } = await (await clusters(session)).delete({ uuid, project });
        if (options.wait === true) return await followCluster(session, { uuid, project, name }, "Delete");
        if (cluster !== undefined) await session.out.one(kind, cluster);
      }),
    );
}

function addCreate(group: Command): void {
  const command = group
    .command("create")
    .description("order a cluster; it costs money from when it runs")
    .argument("<name>", "2 to 12 lower case letters, digits and dashes")
    .option("--partition <id>", "where it lives; the default one unless told")
    .option("--kubernetes <version>", "as in 1.33.2; the default one unless told")
    .option(
      "--workers <group>",
      "a worker group, as in name=default,machine-type=TYPE,min=1,max=3; may come several times",
      workerGroup,
    )
    .option("--wait", "wait until it is ready")
    .action(run(create));
  setsFields(command, {
    "kubernetes.version": "--kubernetes",
    workers: "--workers",
    "workers.name": "--workers name=",
    "workers.machine_type": "--workers machine-type=",
    "workers.minsize": "--workers min=",
    "workers.maxsize": "--workers max=",
  });
}

async function create(session: Session, name: string, options: CreateFlags): Promise<void> {
  const project = await session.project();
  const { cluster } = await (await clusters(session)).create({
    project,
    name,
    ...(options.partition === undefined ? {} : { partition: options.partition }),
    ...(options.kubernetes === undefined ? {} : { kubernetes: { version: options.kubernetes } }),
    workers: [...(options.workers ?? [])],
  });
  if (cluster === undefined) return;
  if (options.wait === true) await followCluster(session, { uuid: cluster.uuid, project, name }, "Create");
  const shown =
    options.wait === true ? (await (await clusters(session)).get({ uuid: cluster.uuid, project })).cluster : cluster;
  if (shown !== undefined) await session.out.one(kind, shown);
}

/** A cluster of the project by name or uuid. */
export async function findCluster(session: Session, reference: string): Promise<Cluster> {
  const project = await session.project();
  const { clusters: found } = await (await clusters(session)).list({ project });
  return pick(found, reference, {
    kind: "cluster",
    id: ({ uuid }) => uuid,
    name: ({ name }) => name,
    list: "slipway cluster list",
  });
}

interface WorkerGroup {
  name: string;
  machineType: string;
  minsize: number;
  maxsize: number;
}

function workerGroup(text: string, earlier: readonly WorkerGroup[] = []): readonly WorkerGroup[] {
  const given = new Map(
    text.split(",").map((item): [string, string] => {
      const at = item.indexOf("=");
      return [item.slice(0, Math.max(at, 0)), item.slice(at + 1)];
    }),
  );
  const unknown = [...given.keys()].filter((key) => !["name", "machine-type", "min", "max"].includes(key));
  if (unknown.length > 0) {
    throw new InvalidArgumentError("It must be name=NAME,machine-type=TYPE,min=N,max=N.");
  }
  const count = (key: string, otherwise: number): number => wholeNumber(0, 64)(given.get(key) ?? String(otherwise));
  const min = count("min", 1);
  return [
    ...earlier,
    {
      name: given.get("name") ?? `group-${earlier.length}`,
      machineType: given.get("machine-type") ?? "",
      minsize: min,
      maxsize: count("max", Math.max(min, 3)),
    },
  ];
}

function statusOf({ status, deletedAt }: Cluster): string {
  if (deletedAt !== undefined) return `Delete/${status?.type === "Delete" ? status.state : "Pending"}`;
  return status === undefined ? "" : `${status.type}/${status.state}`;
}

function machinesOf({ workers }: Cluster): string {
  const sum = (of: "minsize" | "maxsize"): number => workers.reduce((total, worker) => total + worker[of], 0);
  return `${sum("minsize")}-${sum("maxsize")}`;
}

function ageOf({ createdAt }: Cluster): string {
  return createdAt === undefined ? "" : shortAge(Date.now() - Number(createdAt.seconds) * 1_000);
}
